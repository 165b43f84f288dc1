using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Store;

namespace DatasetCache;

// What an operator does with entries: look why they are kept, keep them, let them go.
public sealed partial class LocalDatasetCache
{
    /// <summary>An entry was evicted by this object, to make space or because somebody asked. Raised after the fact.</summary>
    /// <remarks>Like all events: only of this object's own acts, on the thread that did it; do not wait in a handler for another call to a cache of this root.</remarks>
    public event EventHandler<EntryEvictedEventArgs>? Evicted;

    /// <summary>Evicts one entry, unless something protects it.</summary>
    /// <param name="dryRun">Only say what would happen.</param>
    public async Task<EvictionResult> EvictAsync(string cacheKey, bool dryRun = false, CancellationToken cancellationToken = default)
    {
        RefuseBadKey(cacheKey);
        root.RefuseReadOnly("Evicting");
        using var held = await space.LockAsync(cancellationToken);
        return evictor.Evict(cacheKey, EvictionCause.Asked, mustFree: false, dryRun);
    }

    /// <summary>Evicts all that a filter names and nothing protects, in the order of eviction.</summary>
    /// <param name="dryRun">Only say what would happen. Bytes that two of the entries share are then counted for neither.</param>
    public async Task<PruneReport> PruneAsync(PruneFilter filter, bool dryRun = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter is { OlderThan: null, Expired: false, Orphaned: false, All: false })
            throw new InvalidRequestException("Nothing says what to prune.", "Say older than what, expired, orphaned or all.");
        root.RefuseReadOnly("Pruning");
        using var held = await space.LockAsync(cancellationToken);
        var now = time.GetUtcNow();
        index.Refresh();
        List<EvictionResult> evicted = [], kept = [];
        foreach (var known in EvictionOrder.Sort(index.Candidates(), now))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (index.RereadUsage(known.CacheKey) is not { } candidate || !(filter.All || (filter.Expired && candidate.ExpiresAt <= now) || now - candidate.LastUsed > filter.OlderThan))
                continue;
            var result = evictor.Evict(candidate.CacheKey, EvictionCause.Pruned, mustFree: false, dryRun);
            if (result.Outcome == EvictionOutcome.Evicted)
                evicted.Add(result);
            else if (result.Outcome == EvictionOutcome.Protected)
                kept.Add(result);
        }
        var orphans = !filter.Orphaned && !filter.All ? 0 : dryRun ? new Orphans(root, roots).Count() : RemoveOrphans();
        return new PruneReport(evicted, kept, orphans);
    }

    private int RemoveOrphans()
    {
        var removed = sweep.RemoveAbandoned(TimeSpan.Zero) + entries.SweepTorn() + space.RemoveQuarantined() + roots.RemoveDead(TimeSpan.Zero);
        // Under the naming lock nobody is half-way through publishing.
        using var naming = entries.TakeNaming();
        EntryStore.CountChange(naming);
        foreach (var (room, other) in new[] { (root.Entries, root.Snapshots), (root.Snapshots, root.Entries) })
        {
            foreach (var (key, _) in room.List())
            {
                if (other.Status(key) is not null)
                    continue;
                room.DeleteTree(key);
                removed++;
            }
        }
        return removed;
    }

    /// <summary>Keeps an entry until <see cref="Unpin"/>, through restarts and power cuts.</summary>
    /// <returns>False where there is no such entry.</returns>
    public bool Pin(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        root.RefuseReadOnly("Pinning");
        var isNew = !pins.IsPinned(cacheKey);
        if (!pins.Pin(cacheKey))
            return false;
        if (isNew)
            history.Add(cacheKey, EntryEventKind.Pinned, "kept until it is unpinned");
        return true;
    }

    /// <summary>Ends an entry's pin and its holds.</summary>
    /// <returns>Whether there was any.</returns>
    public bool Unpin(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        root.RefuseReadOnly("Unpinning");
        var pinned = pins.Unpin(cacheKey);
        var holds = roots.EndHolds(cacheKey);
        if (pinned)
            history.Add(cacheKey, EntryEventKind.Unpinned, holds == 0 ? "" : "and its holds ended");
        return holds > 0 || pinned;
    }

    /// <summary>Says where in the order of eviction an entry stands. It protects nothing.</summary>
    /// <returns>False where there is no such entry.</returns>
    public bool SetPriority(string cacheKey, EntryPriority priority)
    {
        RefuseBadKey(cacheKey);
        root.RefuseReadOnly("Changing a priority");
        var before = priorities.Of(cacheKey);
        if (!priorities.Set(cacheKey, priority))
            return false;
        if (before != priority)
            history.Add(cacheKey, EntryEventKind.Priority, $"{Word(before)} before, {Word(priority)} now");
        return true;

        static string Word(EntryPriority value) => value switch { EntryPriority.Low => "low", EntryPriority.High => "high", _ => "normal" };
    }

    /// <summary>Why an entry is kept and when it could go; null where there is no such entry.</summary>
    public EntryExplanation? Explain(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        if (entries.TryRead(cacheKey) is not { } record)
            return null;
        var now = time.GetUtcNow();
        var usage = UsageOf(record);
        index.Refresh();
        var order = EvictionOrder.Sort(index.Candidates().Select(candidate => index.RereadUsage(candidate.CacheKey) ?? candidate), now).ToArray();
        var first = order.TakeWhile(candidate => !string.Equals(candidate.CacheKey, cacheKey, StringComparison.Ordinal)).ToArray();
        var before = first.Where(candidate => protections.Of(candidate.CacheKey).Count == 0).Sum(candidate => candidate.Bytes);
        return new EntryExplanation(
            cacheKey, protections.Of(cacheKey), usage.LastUsed, usage.RecentUses, Ttl.Of(usage, now), Ttl.ExpiresAt(usage), Ttl.ExpiresAt(usage) <= now,
            Freeable(cacheKey) ?? 0, ChargedTo(record), first.Length + 1, order.Length, before, space.Report())
        {
            Priority = priorities.Of(cacheKey),
        };
    }

    /// <summary>How full the cache and its disk are.</summary>
    public SpaceReport Space() => space.Report();

    /// <summary>The cache keys below a root, without opening or making it: for a shell that completes them. None where it cannot be read.</summary>
    public static IReadOnlyList<string> KeysAt(string root)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(Path.Join(root, "snapshots")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static void RefuseBadKey(string cacheKey)
    {
        if (string.IsNullOrEmpty(cacheKey) || cacheKey.Contains('/') || cacheKey.StartsWith('.'))
            throw new InvalidRequestException($"'{cacheKey}' cannot be a cache key.", "`dscache ls` lists them.");
    }

    private Usage UsageOf(EntryRecord record)
    {
        var usage = entries.UsageOf(record.CacheKey) ?? default;
        return usage.Uses == 0 ? new Usage(record.PublishedAt, 0, 0) : usage;
    }

    private long ChargedTo(EntryRecord record)
    {
        using var directory = root.Entries.TryOpenDirectory(record.CacheKey);
        return directory is null ? record.OwnBytes : InheritedBytes.Charged(record, directory);
    }

    private long? Freeable(string cacheKey)
    {
        using var tree = root.Snapshots.TryOpenDirectory(cacheKey);
        return tree is null ? null : TreeSurvey.Of(tree).Freed;
    }
}
