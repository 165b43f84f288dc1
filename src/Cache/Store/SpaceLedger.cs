using System.Globalization;
using DatasetCache.Eviction;

namespace DatasetCache.Store;

/// <summary>
/// Keeps the cache within its quota and the disk above its floor: who wants to download reserves first, and what nobody protects is evicted for it
/// then and there. What is used is what the entries are charged for, what is reserved stands in the staging areas; there is no counter that
/// could drift.
/// </summary>
internal sealed class SpaceLedger(CacheRoot root, EntryStore entries, EntryIndex index, Pressure pressure, Protections protections, JobRoots roots, CacheOptions options, StagingSweep sweep)
{
    private const int Block = 4096;

    private volatile CacheOptions options = options;

    /// <summary>How long the record of a job's link that is gone is kept: a file server may bring it back.</summary>
    private static readonly TimeSpan DeadRootAge = TimeSpan.FromDays(1);

    // How often, and after what, somebody who is refused space looks again before he says so.
    private const int Looks = 3;
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(20);

    /// <summary>What a file of this size takes on the disk.</summary>
    public static long Allocated(long size) => (size + Block - 1) / Block * Block;

    /// <summary>Whoever reserves space or evicts holds it: one at a time on a host.</summary>
    public async Task<FileLock> LockAsync(CancellationToken cancellationToken)
    {
        var held = await FileLock.TakeAsync(root.Staging, "space.lock", Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        try
        {
            sweep.RemoveEvicted();
            return held!;
        }
        catch
        {
            held!.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reserves <paramref name="bytes"/> in all for a staging area, of which <paramref name="written"/> are on the disk already. Where they do not fit,
    /// abandoned downloads and quarantined trees go, then entries in the order of eviction, down to the low mark.
    /// </summary>
    /// <exception cref="NoSpaceException">It does not fit beside what is protected. Then nothing was evicted for it, as far as that was foreseeable.</exception>
    public async Task ReserveAsync(StagingArea staging, long bytes, long written, CancellationToken cancellationToken)
    {
        for (var look = 1; ; look++)
        {
            try
            {
                await ReserveNowAsync(staging, bytes, written, cancellationToken);
                return;
            }
            catch (NoSpaceException e) when (e.IsWorthRetrying && look < Looks)
            {
                // A lease may be held for a moment only: by whoever looks whether there is one, or takes his own beside the publisher's.
                await Task.Delay(LookAgainAfter, cancellationToken);
            }
        }
    }

    private async Task ReserveNowAsync(StagingArea staging, long bytes, long written, CancellationToken cancellationToken)
    {
        using var held = await LockAsync(cancellationToken);
        var room = Measure(staging.Name, bytes, written);
        var kept = "";
        if (!room.Fits)
        {
            RemoveLitter();
            for (room = Measure(staging.Name, bytes, written); !room.Fits; room = Measure(staging.Name, bytes, written))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (room.IsHopeless)
                    break;
                var made = await pressure.FreeAsync(room.Must, room.Want, cancellationToken);
                kept = made.Protected;
                if (made.Freed == 0)
                    break;
            }
        }
        if (!room.Fits)
            throw Refusal(room, kept);
        staging.WriteReservation(bytes, written);
    }

    /// <summary>Holds to another quota, low mark and floor from now on. What is over them goes with the next <see cref="KeepWithinAsync"/>.</summary>
    public void Change(CacheOptions to) => options = to;

    public bool IsProtected(string key) => protections.Of(key).Count > 0;

    /// <summary>The disk is full although space was reserved: evicts down to the low mark, if anything can be.</summary>
    public async Task MakeRoomAsync(CancellationToken cancellationToken)
    {
        using var held = await LockAsync(cancellationToken);
        RemoveLitter();
        var room = Measure(except: null, 0, 0);
        await pressure.FreeAsync(1, Math.Max(1, room.Want), cancellationToken);
    }

    /// <summary>Where the quota or the disk's floor is passed (the quota was lowered, others filled the disk), evicts down to the low mark.</summary>
    /// <returns>How many entries went.</returns>
    public async Task<int> KeepWithinAsync(CancellationToken cancellationToken)
    {
        if (Excess(Measure(except: null, 0, 0)) <= 0)
            return 0;
        using var held = await LockAsync(cancellationToken);
        RemoveLitter();
        var room = Measure(except: null, 0, 0);
        var excess = Excess(room);
        // The low mark for the disk too, or the next file somebody writes would have it done again.
        if (excess <= 0)
            return 0;
        var want = Math.Max(excess + (room.DiskFree < room.Floor ? (long)(room.Entries * (1 - ((double)room.LowMark / room.MaxSize))) : 0), room.Want);
        return (await pressure.FreeAsync(1, want, cancellationToken)).Evicted;

        static long Excess(Room room) => Math.Max(room.Used - room.MaxSize, room.Floor + room.Unwritten - room.DiskFree);
    }

    public SpaceReport Report()
    {
        var room = Measure(except: null, 0, 0);
        return new SpaceReport(options.MaxSize, room.LowMark, room.Entries, room.Reserved, room.Quarantined, room.DiskFree, room.Floor);
    }

    private void RemoveLitter()
    {
        // Somebody may be about to lock a temporary file that was just made.
        sweep.RemoveAbandoned(TimeSpan.Zero, TimeSpan.FromMinutes(1));
        RemoveQuarantined();
        roots.RemoveDead(DeadRootAge);
    }

    /// <summary>Deletes the trees of quarantined entries that nobody has a lease on; the reasons stay. The caller holds the space lock.</summary>
    /// <returns>How many there were.</returns>
    public int RemoveQuarantined()
    {
        var removed = 0;
        foreach (var (name, isDirectory) in root.Quarantine.List())
        {
            if (!isDirectory || root.Quarantine.Status(name + "/tree") is null)
                continue;
            using var lease = root.Quarantine.TryOpen(name + "/entry/lease");
            if (lease is not null && !lease.TryLock(exclusive: true))
                continue;
            root.Quarantine.DeleteTree(name + "/tree");
            root.Quarantine.DeleteTree(name + "/entry");
            removed++;
        }
        return removed;
    }

    private Room Measure(string? except, long bytes, long written)
    {
        var reserved = 0L;
        var unwritten = 0L;
        // With it held nothing is published: what is added up stands either here as a reservation or there as an entry.
        using var naming = root.IsReadOnly ? null : entries.TakeNaming();
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            if (!isDirectory || string.Equals(name, except, StringComparison.Ordinal))
                continue;
            if (name.StartsWith(StagingSweep.Evicted, StringComparison.Ordinal))
            {
                // Cut short or still being deleted.
                using var evicted = root.Staging.TryOpenDirectory(name);
                reserved += evicted is null ? 0 : TreeBytes(evicted);
                continue;
            }
            var other = StagingArea.ReadReservation(root, name);
            reserved += other.Reserved;
            unwritten += Math.Max(0, other.Reserved - other.Written);
        }
        index.Refresh(naming);
        var disk = new DriveInfo(root.Path);
        return new Room(bytes, Math.Max(0, bytes - written), index.Charged, reserved, QuarantinedBytes(), unwritten, disk.AvailableFreeSpace, options.MinFree.OnDisk(disk.TotalSize),
            options.MaxSize, (long)(options.MaxSize * (options.LowMarkPercent / 100)));
    }

    private readonly record struct Room(
        long Bytes, long Needed, long Entries, long Reserved, long Quarantined, long Unwritten, long DiskFree, long Floor, long MaxSize, long LowMark)
    {
        public long Used => Entries + Reserved + Quarantined;

        public bool FitsQuota => Used + Bytes <= MaxSize;

        public bool FitsDisk => Needed == 0 || DiskFree - Unwritten - Needed >= Floor;

        public bool Fits => FitsQuota && FitsDisk;

        /// <summary>No eviction could help.</summary>
        public bool IsHopeless => Reserved + Quarantined + Bytes > MaxSize;

        /// <summary>What must be freed for it to fit.</summary>
        public long Must => Math.Max(Used + Bytes - MaxSize, Needed == 0 ? 0 : Floor + Needed + Unwritten - DiskFree);

        /// <summary>The same down to the low mark, so that not every download evicts: a dataset larger than that only has to fit.</summary>
        public long Want => Math.Max(Must, Math.Max(
            Bytes > LowMark ? 0 : Used + Bytes - LowMark,
            FitsDisk ? 0 : Floor + Needed + Unwritten - DiskFree + (long)(Entries * (1 - ((double)LowMark / MaxSize)))));
    }

    private NoSpaceException Refusal(Room room, string kept)
    {
        var protects = kept.Length == 0 ? "" : $" Protected from eviction: {kept}.";
        if (!room.FitsQuota)
        {
            return new NoSpaceException(
                Text($"The dataset needs {room.Bytes:N0} bytes, and the cache has {Math.Max(0, room.MaxSize - room.Used):N0} left of its quota of {room.MaxSize:N0} ({room.Entries:N0} used, {room.Reserved:N0} reserved by downloads under way, {room.Quarantined:N0} quarantined).{protects}"),
                room.Bytes, Math.Max(0, room.MaxSize - room.Used),
                "Raise cache.maxSize (DSCACHE_MAX_SIZE), or select less (--include, --exclude, --select annotated)." + (kept.Length == 0 ? "" : " `dscache ls` says who holds what; `dscache release` and `dscache unpin` let go."),
                fitsAtAll: room.Bytes <= room.MaxSize);
        }
        return new NoSpaceException(
            Text($"The dataset needs {room.Needed:N0} more bytes, and the disk of {root.Path} has {room.DiskFree:N0} free, of which {room.Unwritten:N0} are reserved and {room.Floor:N0} must stay free.{protects}"),
            room.Needed, Math.Max(0, room.DiskFree - room.Unwritten - room.Floor), "Free space on this disk, set cache.root to a larger one, or lower cache.minFree (DSCACHE_MIN_FREE).");

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private long QuarantinedBytes()
    {
        var total = 0L;
        foreach (var (name, isDirectory) in root.Quarantine.List())
        {
            using var directory = isDirectory ? root.Quarantine.TryOpenDirectory(name) : null;
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
                using var child = directory.TryOpenDirectory(name);
                total += child is null ? 0 : TreeBytes(child);
            }
            else if (directory.Status(name) is { } status)
                total += status.AllocatedBytes / Math.Max(1, status.Links);
        }
        return total;
    }
}
