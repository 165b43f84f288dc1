using System.Collections.Concurrent;
using System.Globalization;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache;

// What happened to entries and what happens to them now, for whoever looks on. A hit notes nothing.
public sealed partial class LocalDatasetCache
{
    private readonly HistoryLog history;

    // What was said last of entries that could not be healed.
    private readonly ConcurrentDictionary<string, string> withdrawn = new(StringComparer.Ordinal);

    /// <summary>What happened to an entry, the newest first: also to one that is gone. Of all processes on this root; the oldest is forgotten in time.</summary>
    /// <param name="cacheKey">Null for all entries.</param>
    /// <exception cref="StorageException">The records cannot be read.</exception>
    public IReadOnlyList<EntryEvent> History(string? cacheKey, int most) => history.Read(cacheKey, most);

    /// <summary>Bytes that went by since this object was made.</summary>
    internal TransferTotals Totals { get; } = new();

    /// <summary>What this process is making ready now.</summary>
    internal IReadOnlyList<DatasetDownload> Downloads() => [.. flights.Values.Where(flight => !flight.IsOver).Select(flight => flight.Describe())];

    /// <summary>The entries after a cache key, in the order of these, at most so many: what <see cref="List()"/> says, page by page.</summary>
    /// <param name="after">Null for the first.</param>
    public IReadOnlyList<EntrySummary> List(string? after, int count)
    {
        index.Refresh();
        var page = index.Records(after, count);
        var holders = roots.Standing().ToLookup(record => record.CacheKey, StringComparer.Ordinal);
        return [.. page.Select(record => Summarize(record, holders[record.CacheKey]))];
    }

    /// <summary>Whether there is such an entry, be it torn.</summary>
    internal bool Has(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        return root.Snapshots.Status(cacheKey) is { IsDirectory: true };
    }

    private Flight NewFlight(DatasetRef dataset, IOrigin origin, string prefix, Func<TransferMeter, CancellationToken, Task<Acquired>> run)
    {
        var meter = new TransferMeter(Totals);
        return new Flight(dataset.SnapshotId ?? (prefix.Length > 0 ? prefix : origin.Identity).TrimEnd('/'), meter, run, time,
            progress => new DatasetDownload(meter.CacheKey, origin.Identity, prefix, dataset.DatasetId, dataset.SnapshotId, progress));
    }

    private void NoteDownload(AcquireRequest request, Acquired acquired, EntryRecord record, TransferMeter flown)
    {
        if (acquired.Outcome == AcquireOutcome.Hit)
            return;
        history.Add(record.CacheKey, request.IsPrefetch ? EntryEventKind.Prefetched : EntryEventKind.Downloaded, string.Create(CultureInfo.InvariantCulture,
            $"{record.Files} files of {record.Bytes} bytes: {flown.BytesFromOrigin} bytes from the origin, {flown.BytesFromPeers} bytes from other nodes, {flown.SharedBytes} bytes from shared roots, {flown.ReusedBytes} bytes were here{(request.JobId is null ? "" : $"; job {request.JobId}")}"));
        if (acquired is { Changes: { } changes, PreviousKey: { } previous })
            history.Add(record.CacheKey, EntryEventKind.Updated, $"in place of {previous}: {changes.Added} files added, {changes.Changed} changed, {changes.Removed} removed");
    }

    private void NoteEviction(EntryEvictedEventArgs gone) => history.Add(gone.CacheKey, EntryEventKind.Evicted, string.Create(CultureInfo.InvariantCulture,
        $"{gone.Cause switch { EvictionCause.Space => "its space was needed", EvictionCause.Asked => "somebody asked for it", _ => "it was pruned" }}; {gone.FreedBytes} bytes freed"));

    private void NoteVerified(VerifyResult result, VerifyLevel level)
    {
        if (result.Outcome == VerifyOutcome.Sound)
            history.Add(result.CacheKey, EntryEventKind.Verified, string.Create(CultureInfo.InvariantCulture, $"{level.ToString().ToLowerInvariant()}: {result.Found.Files} files, {result.Found.Bytes} bytes read, nothing is wrong"));
    }

    private void RaiseInvalidated(EntryInvalidatedEventArgs broken)
    {
        var isNews = true;
        if (broken.Outcome == VerifyOutcome.Withdrawn)
        {
            // A daemon tries every minute to heal what it could not: that is one event until something else comes of it.
            isNews = !string.Equals(withdrawn.GetValueOrDefault(broken.CacheKey), broken.Reason, StringComparison.Ordinal);
            withdrawn[broken.CacheKey] = broken.Reason;
        }
        else
            withdrawn.TryRemove(broken.CacheKey, out _);
        if (isNews)
        {
            history.Add(broken.CacheKey, broken.Outcome == VerifyOutcome.Healed ? EntryEventKind.Healed : EntryEventKind.Broken,
                broken.Outcome == VerifyOutcome.Quarantined ? $"quarantined: {broken.Reason}" : broken.Reason);
        }
        Raise(Invalidated, broken);
    }
}
