using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>Looks into trees of which anything may be broken: what cannot be looked at is not there.</summary>
internal static class SafeTree
{
    public static FileStatus? StatusOf(DirectoryHandle tree, string path)
    {
        try
        {
            return tree.Status(path);
        }
        catch (StorageException)
        {
            return null;
        }
    }

    public static FileHandle? TryOpen(DirectoryHandle tree, string path)
    {
        try
        {
            return tree.TryOpen(path);
        }
        catch (StorageException)
        {
            return null;
        }
    }
}
