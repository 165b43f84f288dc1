namespace DatasetCache.Store;

// What this process' user may do with the root (docs/decisions/0006).
internal sealed partial class CacheRoot
{
    private static readonly uint User = Syscalls.EffectiveUser();

    /// <summary>Whether this user may only read: hits work, leases protect, and nothing can be noted, fetched or evicted.</summary>
    public bool IsReadOnly { get; }

    // By a file that every user of the root has: a daemon holds a lock on it (NodeLock), and works beside any number of others.
    private bool CanWrite()
    {
        try
        {
            Root.OpenOrCreate(NodeLock.Name, 0x1B6).Dispose();
            return true;
        }
        catch (StorageException e) when (e.Errno is Syscalls.EACCES or Syscalls.EPERM or Syscalls.EROFS)
        {
            return false;
        }
    }

    /// <exception cref="StorageException">This user may only read. The message says why, and what mends it.</exception>
    public void RefuseReadOnly(string what)
    {
        if (IsReadOnly)
            throw ReadOnly($"{what} needs to write in the cache root {Path}, which this user may only read.");
    }

    private StorageException ReadOnly(string message)
    {
        var access = RootAccess.Describe(Path);
        return new StorageException(access is null ? message : $"{message} {access.Value.Facts}", Syscalls.EACCES, access?.Advice);
    }

    /// <summary>Whether a published tree has its last mode, as far as this user could set it.</summary>
    internal bool IsSealed(FileStatus tree)
        => (tree.Mode & 0x92 /* 0222 */) == (Root.IsShared ? GroupModes.GroupWrite : 0) || (Root.IsShared && IsForeign(tree)) || IsReadOnly;

    /// <summary>Whether this user cannot change the mode of something, nor (protected_hardlinks) link what he cannot write.</summary>
    internal static bool IsForeign(FileStatus status) => User != 0 && status.Owner != User;
}
