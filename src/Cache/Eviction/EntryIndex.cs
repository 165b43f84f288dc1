using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// What all entries are charged for and when each was last used, kept between decisions so that none of them reads ten thousand small files. It
/// is right at every <see cref="Refresh"/>: whoever publishes, evicts or quarantines counts that in naming.lock first, and what was changed by
/// hand shows in the folders' times.
/// </summary>
/// <remarks>
/// Usage is not watched: its file changes at every hit. What is known of it is at worst too old, so an entry can only be better than its rank;
/// whoever takes it from the order reads its usage again (<see cref="RereadUsage"/>).
/// </remarks>
internal sealed class EntryIndex(CacheRoot root, EntryStore entries, AdaptiveTtl ttl)
{
    // A folder that changed so shortly before it was read may change again without its time changing.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private AdaptiveTtl ttl = ttl;

    /// <summary>Whether another node of a cluster has the entry too, as far as is known. Must not wait.</summary>
    public Func<string, bool> HeldElsewhere { get; set; } = static _ => false;
    private readonly Dictionary<string, Known> known = new(StringComparer.Ordinal);
    private Stamp? seen;
    private long charged, bytes;

    private readonly record struct Stamp(long Changes, DateTimeOffset Entries, DateTimeOffset Snapshots);

    private sealed record Known(EntryRecord Record, long Charged, ulong Inode, DateTimeOffset Modified, bool Settled, EntryPriority Priority)
    {
        public Usage? Usage { get; set; }

        public DateTimeOffset ExpiresAt { get; set; }
    }

    /// <summary>What all entries are charged for, in bytes as allocated.</summary>
    public long Charged
    {
        get
        {
            lock (gate)
                return charged;
        }
    }

    /// <summary>How many entries are known, the bytes of their files, and what they are charged for: kept, not added up.</summary>
    public (int Entries, long Bytes, long Charged) Totals
    {
        get
        {
            lock (gate)
                return (known.Count, bytes, charged);
        }
    }

    /// <summary>Has what is known expire by another rule from now on.</summary>
    public void Change(AdaptiveTtl to)
    {
        lock (gate)
        {
            ttl = to;
            foreach (var entry in known.Values)
            {
                if (entry.Usage is { } usage)
                    entry.ExpiresAt = to.ExpiresAt(usage);
            }
        }
    }

    /// <summary>The entries that may hold the same objects as those below a prefix of an origin.</summary>
    public IReadOnlyList<EntryRecord> Related(string origin, string prefix)
    {
        lock (gate)
        {
            return [.. known.Values.Select(entry => entry.Record).Where(other => Overlap(other.Prefix, prefix) && string.Equals(other.Origin, origin, StringComparison.Ordinal))];
        }

        static bool Overlap(string a, string b) => a.StartsWith(b, StringComparison.Ordinal) || b.StartsWith(a, StringComparison.Ordinal);
    }

    public IReadOnlyList<EntryRecord> Records()
    {
        lock (gate)
            return [.. known.Values.Select(entry => entry.Record)];
    }

    /// <summary>The records after a cache key in the order of these, at most so many.</summary>
    /// <param name="after">Null for the first.</param>
    public IReadOnlyList<EntryRecord> Records(string? after, int count)
    {
        lock (gate)
        {
            return [.. known.Values.Select(entry => entry.Record).Where(record => after is null || string.CompareOrdinal(record.CacheKey, after) > 0)
                .OrderBy(record => record.CacheKey, StringComparer.Ordinal).Take(count)];
        }
    }

    public long ChargedTo(string key)
    {
        lock (gate)
            return known.GetValueOrDefault(key)?.Charged ?? 0;
    }

    /// <summary>Every entry, with its usage as far as it is known.</summary>
    public IReadOnlyList<EvictionCandidate> Candidates()
    {
        lock (gate)
            return [.. known.Values.Select(entry => CandidateOf(entry, reread: false))];
    }

    /// <summary>Collects the entries that would go first.</summary>
    /// <param name="lowest">Gets at most <paramref name="count"/> keys, the last to go of them at its head.</param>
    /// <returns>Whether these are all.</returns>
    public bool Lowest(PriorityQueue<string, EvictionRank> lowest, int count, HashSet<string> except, DateTimeOffset now)
    {
        lock (gate)
        {
            var all = true;
            foreach (var (key, entry) in known)
            {
                var rank = EvictionOrder.RankOf(CandidateOf(entry, reread: false), now);
                if (lowest.Count == count && lowest.TryPeek(out _, out var last) && rank > last)
                    all = false;
                else if (except.Contains(key))
                    continue;
                else if (lowest.Count < count)
                    lowest.Enqueue(key, rank);
                else
                    (all, _) = (false, lowest.EnqueueDequeue(key, rank));
            }
            return all;
        }
    }

    /// <summary>The entry as it is used by now; null where it is gone.</summary>
    public EvictionCandidate? RereadUsage(string key)
    {
        lock (gate)
            return known.TryGetValue(key, out var entry) ? CandidateOf(entry, reread: true) : null;
    }

    private EvictionCandidate CandidateOf(Known entry, bool reread)
    {
        if (reread || entry.Usage is null)
        {
            var usage = entries.UsageOf(entry.Record.CacheKey) ?? default;
            // Published and never used yet, or its usage was torn.
            if (usage.Uses == 0)
                usage = new Usage(entry.Record.PublishedAt, 0, 0);
            if (usage != entry.Usage)
                (entry.Usage, entry.ExpiresAt) = (usage, ttl.ExpiresAt(usage));
        }
        return new EvictionCandidate(entry.Record.CacheKey, entry.Usage!.Value.LastUsed, entry.ExpiresAt, HeldElsewhere(entry.Record.CacheKey), entry.Charged, entry.Usage.Value.Uses, entry.Priority);
    }

    /// <summary>Makes it agree with the disk. Three small system calls where nothing has changed.</summary>
    /// <param name="naming">The naming lock where the caller holds it; else it is taken when it is needed.</param>
    public void Refresh(FileLock? naming = null)
    {
        if (IsCurrent(naming?.Counter ?? FileLock.ReadCounter(root.Staging, EntryStore.NamingLock)))
            return;
        // The naming lock before the gate, as whoever publishes has them.
        // Who may only read cannot take it: what it sees of a change in its middle is put right by the next look.
        var own = naming is null && !root.IsReadOnly ? entries.TakeNaming() : null;
        try
        {
            lock (gate)
            {
                var stamp = Now((naming ?? own)?.Counter ?? FileLock.ReadCounter(root.Staging, EntryStore.NamingLock));
                Reread();
                seen = stamp;
            }
        }
        finally
        {
            own?.Dispose();
        }
    }

    private bool IsCurrent(long changes)
    {
        lock (gate)
            return seen == Now(changes);
    }

    private Stamp Now(long changes) => new(changes, root.Entries.Status().Modified, root.Snapshots.Status().Modified);

    private void Reread()
    {
        var gone = new HashSet<string>(known.Keys, StringComparer.Ordinal);
        // In no order: a folder that lists its newest first would make Lowest change its mind at every entry.
        var names = root.Entries.List().ToArray();
        Random.Shared.Shuffle(names);
        foreach (var (key, _) in names)
        {
            if (ReadIfChanged(key))
                gone.Remove(key);
        }
        foreach (var key in gone)
            Drop(key);
    }

    // False where there is no such entry.
    private bool ReadIfChanged(string key)
    {
        if (root.Snapshots.Status(key) is not { IsDirectory: true } || root.Entries.Status(key) is not { IsDirectory: true } status)
            return false;
        var old = known.GetValueOrDefault(key);
        if (old is { Settled: true } && old.Inode == status.Inode && old.Modified == status.Modified)
            return true;
        var now = TimeProvider.System.GetUtcNow();
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null || entries.TryRead(key) is not { } record)
            return false;
        // Opened and looked at again: what is remembered is of the directory that was read.
        status = directory.Status();
        Put(key, new Known(record, InheritedBytes.Charged(record, directory), status.Inode, status.Modified, now - status.Modified > Quiet, Priorities.Read(directory))
        {
            Usage = old is not null && old.Inode == status.Inode ? old.Usage : null,
            ExpiresAt = old?.ExpiresAt ?? default,
        });
        return true;
    }

    private void Put(string key, Known entry)
    {
        Drop(key);
        known[key] = entry;
        charged += entry.Charged;
        bytes += entry.Record.Bytes;
    }

    private void Drop(string key)
    {
        if (!known.Remove(key, out var entry))
            return;
        charged -= entry.Charged;
        bytes -= entry.Record.Bytes;
    }

    /// <summary>An entry's small files were changed by this process.</summary>
    public void Reread(string key)
    {
        lock (gate)
        {
            // Where that fails all is read again: an entry that is missing here would be nobody's heir.
            var current = seen;
            seen = null;
            Drop(key);
            ReadIfChanged(key);
            seen = current;
        }
    }

    /// <summary>
    /// Carries a change of this process over without reading everything again. Called with the naming lock held and counted, before the change;
    /// call what it returns after the change, with the entry's key.
    /// </summary>
    public Action<string> Follow(FileLock naming)
    {
        lock (gate)
        {
            var alone = seen == Now(naming.Counter - 1);
            return key =>
            {
                lock (gate)
                {
                    Drop(key);
                    // What nobody has asked for yet is read when somebody does.
                    if (!alone)
                        return;
                    ReadIfChanged(key);
                    seen = Now(naming.Counter);
                }
            };
        }
    }
}
