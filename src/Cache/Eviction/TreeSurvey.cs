using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>What deleting a tree would free: the files that have no other name. The others live on where their other names are.</summary>
/// <param name="Freed">Bytes as the disk allocates them.</param>
internal sealed record TreeSurvey(long Freed, IReadOnlyList<SharedFile> Shared)
{
    public static TreeSurvey Of(DirectoryHandle tree)
    {
        var freed = 0L;
        var shared = new List<SharedFile>();
        Walk(tree, "", (path, status) =>
        {
            var bytes = SpaceLedger.Allocated(status.Size);
            if (status.Links <= 1)
                freed += bytes;
            else
                shared.Add(new SharedFile(path, status.Inode, status.Device, status.Links, bytes));
        });
        return new TreeSurvey(freed, shared);
    }

    /// <summary>Calls for every regular file below, with its path.</summary>
    public static void Walk(DirectoryHandle directory, string path, Action<string, FileStatus> visit)
    {
        foreach (var (name, isDirectory) in directory.List())
        {
            if (isDirectory)
            {
                using var child = directory.TryOpenDirectory(name);
                if (child is not null)
                    Walk(child, path + name + "/", visit);
            }
            else if (directory.Status(name) is { IsRegularFile: true } status)
            {
                visit(path + name, status);
            }
        }
    }
}

/// <summary>A file with more names than one.</summary>
internal readonly record struct SharedFile(string Path, ulong Inode, ulong Device, uint Links, long Bytes)
{
    public bool IsSameFile(FileStatus status) => Inode == status.Inode && Device == status.Device;
}
