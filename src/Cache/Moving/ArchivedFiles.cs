using System.Globalization;
using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Moving;

/// <summary>The members that an archive may hold of one entry: its manifest's files with their sizes, in its order, each once.</summary>
internal sealed class ArchivedFiles(string key, IReadOnlyList<ManifestText.Line> lines)
{
    private int last = -1;

    public static bool Owns(string key, ArchiveReader.Member member)
        => member.Name.StartsWith(key, StringComparison.Ordinal) && member.Name.AsSpan(key.Length).StartsWith(ArchiveLayout.Files, StringComparison.Ordinal);

    /// <summary>Goes on to a member that <see cref="Owns"/> says is one of the entry's.</summary>
    /// <returns>Which of the manifest's files the member is.</returns>
    /// <exception cref="IntegrityException">It is none of them, stands where it must not, or has another size.</exception>
    public int Step(ArchiveReader.Member member)
    {
        var path = member.Name[(key.Length + ArchiveLayout.Files.Length)..];
        var file = Find(path);
        if (file < 0)
            throw ArchiveLayout.RefusedName(member.Name, "is not in its entry's manifest");
        if (file <= last)
            throw ArchiveLayout.RefusedName(member.Name, "stands there twice, or in the wrong place");
        if (member.Size != lines[file].File.Size)
            throw ArchiveLayout.RefusedName(member.Name, string.Create(CultureInfo.InvariantCulture, $"has {member.Size} bytes where the manifest says {lines[file].File.Size}"));
        return last = file;
    }

    private int Find(string path)
    {
        var (low, high) = (last + 1, lines.Count - 1);
        // The next one nearly always.
        if (low <= high && string.Equals(lines[low].File.Path, path, StringComparison.Ordinal))
            return low;
        for (low = 0; low <= high;)
        {
            var middle = (low + high) / 2;
            var order = PathOrder.Compare(lines[middle].File.Path, path);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return -1;
    }
}
