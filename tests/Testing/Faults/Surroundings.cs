using System.Globalization;
using System.Security.Cryptography;

namespace DatasetCache.Testing.Faults;

/// <summary>What stands in a folder, to tell later whether somebody touched it. It plants a few files of its own, for there to be something to lose.</summary>
internal sealed class Surroundings
{
    private readonly string folder;
    private readonly string[] but;
    private readonly SortedDictionary<string, string> before;

    public Surroundings(string folder, string[] but)
    {
        (this.folder, this.but) = (folder, [.. but.Select(path => Path.GetFullPath(path))]);
        Directory.CreateDirectory(Path.Join(folder, "neighbour"));
        File.WriteAllText(Path.Join(folder, "neighbour", "precious"), "nobody's but mine");
        File.WriteAllText(Path.Join(folder, "precious"), "nobody's but mine");
        before = Look();
    }

    public IReadOnlyList<string> Changes()
    {
        var now = Look();
        return [.. before.Keys.Union(now.Keys, StringComparer.Ordinal).Where(path => before.GetValueOrDefault(path) != now.GetValueOrDefault(path)).Order(StringComparer.Ordinal)];
    }

    private SortedDictionary<string, string> Look()
    {
        var seen = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var open = new Stack<string>([folder]);
        while (open.TryPop(out var directory))
        {
            foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos())
            {
                if (but.Contains(entry.FullName))
                    continue;
                seen[entry.FullName] = entry switch
                {
                    { LinkTarget: { } target } => "-> " + target,
                    FileInfo file => string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))} {file.UnixFileMode}"),
                    _ => $"{entry.UnixFileMode}",
                };
                if (entry is DirectoryInfo { LinkTarget: null })
                    open.Push(entry.FullName);
            }
        }
        return seen;
    }
}
