using DatasetCache.Store;

namespace DatasetCache.Cache.Tests.Eviction;

/// <summary>What the files of datasets really take: each inode once, in blocks.</summary>
internal static class DiskUse
{
    public static long Of(string root) => Of(root, "snapshots", "staging", "quarantine");

    public static long Of(string root, params string[] folders)
    {
        var files = new FileSystem();
        var inodes = new Dictionary<(ulong, ulong), long>();
        using var cache = files.OpenRoot(root);
        foreach (var folder in folders)
            Add(cache, folder, inodes);
        return inodes.Values.Sum();
    }

    // Bookkeeping is not counted: only files of datasets, which these tests call *.bin.
    private static void Add(DirectoryHandle parent, string name, Dictionary<(ulong, ulong), long> inodes)
    {
        try
        {
            using var directory = parent.TryOpenDirectory(name);
            foreach (var (child, isDirectory) in directory?.List() ?? [])
            {
                if (isDirectory)
                    Add(directory!, child, inodes);
                else if (child.EndsWith(".bin", StringComparison.Ordinal) && directory!.Status(child) is { } status)
                    inodes[(status.Device, status.Inode)] = SpaceLedger.Allocated(status.Size);
            }
        }
        catch (IOException)
        {
            // It went while we looked.
        }
    }
}
