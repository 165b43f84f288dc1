using System.Globalization;

namespace DatasetCache.Store;

/// <summary>
/// Keeps the cache within its quota and the disk above its floor: who wants to download reserves first. What is used is what the entries
/// added, what is reserved stands in the staging areas; there is no counter that could drift.
/// </summary>
internal sealed class SpaceLedger(CacheRoot root, EntryStore entries, CacheOptions options, StagingSweep sweep)
{
    private const int Block = 4096;

    /// <summary>What a file of this size takes on the disk.</summary>
    public static long Allocated(long size) => (size + Block - 1) / Block * Block;

    /// <summary>
    /// Reserves <paramref name="bytes"/> in all for a staging area, of which <paramref name="written"/> are on the disk already.
    /// </summary>
    /// <exception cref="NoSpaceException">It does not fit, even after abandoned downloads were removed.</exception>
    public async Task ReserveAsync(StagingArea staging, long bytes, long written, CancellationToken cancellationToken)
    {
        using var held = await FileLock.TakeAsync(root.Staging, "space.lock", Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        if (Refusal(staging, bytes, written) is not null)
            sweep.RemoveAbandoned(TimeSpan.Zero);
        if (Refusal(staging, bytes, written) is { } refusal)
            throw refusal;
        staging.WriteReservation(bytes, written);
    }

    private NoSpaceException? Refusal(StagingArea staging, long bytes, long written)
    {
        var reserved = 0L;
        var unwritten = 0L;
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            if (!isDirectory || string.Equals(name, staging.Name, StringComparison.Ordinal))
                continue;
            var other = StagingArea.ReadReservation(root, name);
            reserved += other.Reserved;
            unwritten += Math.Max(0, other.Reserved - other.Written);
        }
        var used = entries.Scan().Sum(entry => entry.OwnBytes) + QuarantinedBytes() + reserved;
        if (used + bytes > options.MaxSize)
        {
            return new NoSpaceException(
                Text($"The dataset needs {bytes:N0} bytes, and the cache has {Math.Max(0, options.MaxSize - used):N0} left of its quota of {options.MaxSize:N0} ({used:N0} used or reserved)."),
                bytes, Math.Max(0, options.MaxSize - used), "Raise cache.maxSize (DSCACHE_MAX_SIZE), or select less (--include, --exclude, --select annotated).",
                fitsAtAll: bytes <= options.MaxSize);
        }
        var disk = new DriveInfo(root.Path);
        var floor = options.MinFree.OnDisk(disk.TotalSize);
        var needed = Math.Max(0, bytes - written);
        var free = disk.AvailableFreeSpace - unwritten;
        if (free - needed < floor)
        {
            return new NoSpaceException(
                Text($"The dataset needs {needed:N0} more bytes, and the disk of {root.Path} has {disk.AvailableFreeSpace:N0} free, of which {unwritten:N0} are reserved and {floor:N0} must stay free."),
                needed, Math.Max(0, free - floor), "Free space on this disk, set cache.root to a larger one, or lower cache.minFree (DSCACHE_MIN_FREE).");
        }
        return null;

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private long QuarantinedBytes()
    {
        var total = 0L;
        foreach (var (name, _) in root.Quarantine.List())
        {
            using var directory = root.Quarantine.TryOpenDirectory(name);
            total += directory is null ? 0 : TreeBytes(directory);
        }
        return total;
    }

    private static long TreeBytes(DirectoryHandle directory)
    {
        var total = 0L;
        foreach (var (name, isDirectory) in directory.List())
        {
            if (isDirectory)
            {
                using var child = directory.OpenDirectory(name);
                total += TreeBytes(child);
            }
            else if (directory.Status(name) is { } status)
                total += status.AllocatedBytes / Math.Max(1, status.Links);
        }
        return total;
    }
}
