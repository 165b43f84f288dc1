namespace DatasetCache.Store;

// What this process' user may do with the root (docs/decisions/0006).
internal sealed partial class CacheRoot
{
    private static readonly uint User = Syscalls.EffectiveUser();

    /// <summary>Whether this user may only read: hits work, leases protect, and nothing can be noted, fetched or evicted.</summary>
    public bool IsReadOnly { get; }

    // Whoever may not write it still tells a daemon and others by a lock that he is here, if he can read it.
    private (FileHandle? Node, bool IsReadOnly) OpenNode()
    {
        const string name = "node.lock";
        try
        {
            return (Root.OpenOrCreate(name, 0x1B6), false);
        }
        catch (StorageException e) when (e.Errno is Syscalls.EACCES or Syscalls.EPERM or Syscalls.EROFS)
        {
            return (Root.TryOpen(name), true);
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
