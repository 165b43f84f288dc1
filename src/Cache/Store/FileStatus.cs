namespace DatasetCache.Store;

/// <summary>
/// What statx says of a file; <see cref="AllocatedBytes"/> is what it really takes on the disk, <see cref="Born"/> when it was made, in nanoseconds since
/// 1970, or 0 where the file system does not say.
/// </summary>
internal readonly record struct FileStatus(
    bool IsDirectory, bool IsSymbolicLink, bool IsRegularFile, uint Mode, uint Owner, uint Group, uint Links, long Size, long AllocatedBytes, ulong Inode, ulong Device, DateTimeOffset Modified, long Born)
{
    /// <summary>Whether both names lead to the very same file. A file system gives a deleted one's number to the next.</summary>
    public bool IsSameFile(FileStatus other) => Inode == other.Inode && Device == other.Device && Born == other.Born;
}
