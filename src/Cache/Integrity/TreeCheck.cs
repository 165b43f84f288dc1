using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// Compares a snapshot's names, kinds, sizes and modes with its manifest, without reading any data. What somebody made writable is sealed again on the
/// way: that alone says nothing about the bytes.
/// </summary>
internal sealed class TreeCheck
{
    private const uint WriteBits = 0x92; // 0222
    private readonly Dictionary<string, int> missing;
    private readonly HashSet<string> directories = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<ManifestText.Line> lines;
    private readonly List<(int File, FileFault Fault)> faults = [];

    private TreeCheck(IReadOnlyList<ManifestText.Line> lines)
    {
        this.lines = lines;
        missing = new Dictionary<string, int>(lines.Count, StringComparer.Ordinal);
        for (var i = 0; i < lines.Count; i++)
        {
            var path = lines[i].File.Path;
            missing[path] = i;
            for (var slash = path.LastIndexOf('/'); slash > 0 && directories.Add(path[..slash]);)
                slash = path.LastIndexOf('/', slash - 1);
        }
    }

    /// <summary>What is wrong, by the file's number in the manifest; -1 for what the manifest does not know.</summary>
    public IReadOnlyList<(int File, FileFault Fault)> Faults => faults;

    /// <summary>Files and directories that had been made writable and are sealed again.</summary>
    public int Resealed { get; private set; }

    public static TreeCheck Of(DirectoryHandle tree, IReadOnlyList<ManifestText.Line> lines, CancellationToken cancellationToken)
    {
        var check = new TreeCheck(lines);
        check.Walk(tree, "", cancellationToken);
        foreach (var (path, file) in check.missing)
            check.faults.Add((file, new FileFault(path, FileFaultKind.Missing, [], "missing")));
        check.faults.Sort(static (a, b) => a.File != b.File ? a.File.CompareTo(b.File) : string.CompareOrdinal(a.Fault.Path, b.Fault.Path));
        return check;
    }

    private void Walk(DirectoryHandle directory, string above, CancellationToken cancellationToken)
    {
        Seal(directory.Status().Mode, directory.ChangeMode);
        foreach (var (name, isDirectory) in directory.List())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = above + name;
            if (isDirectory && directories.Contains(path))
            {
                using var child = directory.TryOpenDirectory(name);
                if (child is not null)
                    Walk(child, path + "/", cancellationToken);
            }
            else if (directories.Contains(path))
            {
                // No directory where one has to be: what should be in it is missing, and that says all.
            }
            else if (!missing.Remove(path, out var file))
            {
                faults.Add((-1, new FileFault(path, FileFaultKind.Unexpected, [], $"{(isDirectory ? "a directory" : "a file")} that nobody published")));
            }
            else if (directory.Status(name) is not { IsRegularFile: true } status)
            {
                faults.Add((file, new FileFault(path, FileFaultKind.NotAFile, [], "not a regular file")));
            }
            else if (status.Size != lines[file].File.Size)
            {
                faults.Add((file, WrongSize(path, status.Size, lines[file].File.Size)));
            }
            else
            {
                Seal(status.Mode, mode =>
                {
                    using var open = directory.TryOpen(name);
                    open?.ChangeMode(mode);
                });
            }
        }
    }

    public static FileFault WrongSize(string path, long size, long wanted) => new(path, FileFaultKind.WrongSize, [], $"{size} bytes instead of {wanted}");

    private void Seal(uint mode, Action<uint> change)
    {
        if ((mode & WriteBits) == 0)
            return;
        try
        {
            change(mode & ~WriteBits);
            Resealed++;
        }
        catch (StorageException)
        {
            // Another user's: its bytes are judged all the same.
        }
    }
}
