using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;
using DatasetCache.Integrity;
using DatasetCache.Statistics;

namespace DatasetCache.Grains;

/// <summary>The node's service in the words of its grain's contracts.</summary>
internal static class NodeContracts
{
    private const int MostLines = 100;

    public static DatasetRef ToRef(this DatasetMessage dataset) => new()
    {
        Origin = dataset.Origin,
        SnapshotId = dataset.SnapshotId,
        DatasetId = dataset.DatasetId,
        VersionHash = dataset.VersionHash,
        Selection = new Selection { Mode = (SelectionMode)dataset.Selection, Include = dataset.Include, Exclude = dataset.Exclude },
    };

    public static WorkMessage ToMessage(this NodeWork work) => new()
    {
        Ticket = work.Ticket,
        State = (WorkStateMessage)work.State,
        Progress = work.Progress is { } at
            ? new ProgressMessage(at.Phase.ToString(), at.CacheKey, at.FilesDone, at.FilesTotal, at.BytesDone, at.BytesTotal, at.BytesFromOrigin)
            : work.Verifying is { } look ? new ProgressMessage("Verifying", look.CacheKey, 0, 0, look.BytesDone, look.BytesTotal, 0) : null,
        Ready = work.Dataset?.ToMessage(),
        Verified = work.Verified?.ToMessage(),
        Scrubbed = work.Scrubbed is { } scrub ? new ScrubbedMessage(scrub.Entries, scrub.Files, scrub.BytesRead, scrub.Found, scrub.Unhealed) : null,
        Failure = work.Failure?.ToMessage(),
    };

    private static ReadyMessage ToMessage(this NodeDataset dataset) => new()
    {
        Lease = dataset.Lease?.ToMessage(),
        CacheKey = dataset.CacheKey,
        SnapshotPath = dataset.SnapshotPath,
        IsHit = dataset.Outcome == AcquireOutcome.Hit,
        Files = dataset.Files,
        Bytes = dataset.Bytes,
        FilesFromOrigin = dataset.FilesFromOrigin,
        BytesFromOrigin = dataset.BytesFromOrigin,
        ReusedBytes = dataset.ReusedBytes,
        SharedBytes = dataset.SharedBytes,
        BytesFromPeers = dataset.BytesFromPeers,
        Changes = dataset.Changes is { } changes ? new ChangesMessage(changes.Added, changes.Changed, changes.Removed) : null,
        StaleSince = dataset.StaleSince,
        Elapsed = dataset.Elapsed,
    };

    public static LeaseMessage ToMessage(this NodeLease lease) => new(lease.Id, lease.CacheKey, lease.Ttl);

    public static FailureMessage ToMessage(this NodeFailure failure) => new(failure.Code.ToString(), failure.Message, failure.Advice, failure.IsWorthRetrying);

    public static EvictedMessage ToMessage(this EvictionResult result)
        => new(result.CacheKey, result.Outcome.ToString(), result.FreedBytes, [.. result.Protections.Take(MostLines).Select(why => why.Reason)])
        {
            Details = [.. result.Protections.Take(MostLines).Select(why => new ProtectionMessage(why.Kind.ToString(), why.Reason, why.Until))],
        };

    private static VerifiedMessage ToMessage(this VerifyResult result)
        => new(result.CacheKey, result.Outcome.ToString(), result.Found.Files, result.Found.Bytes, [.. result.Found.Lines.Take(MostLines)], result.Why);

    public static StatisticsMessage ToMessage(this UsageStatistics statistics) => new()
    {
        From = statistics.From,
        To = statistics.To,
        Hits = statistics.Total.Hits,
        Misses = statistics.Total.Misses,
        Failures = statistics.Total.Failures,
        BytesServed = statistics.Total.BytesServed,
        BytesFromOrigin = statistics.Total.BytesFromOrigin,
        BytesSaved = statistics.Total.BytesSaved,
        Evictions = statistics.Total.Evictions,
        BytesEvicted = statistics.Total.BytesEvicted,
    };

    public static UsageMessage ToUsage(this UsageStatistics statistics) => new()
    {
        Days = [.. statistics.Days.Select(day => new DayMessage(day.Day, day.Tally.ToMessage()))],
        Keys = [.. statistics.Entries.Take(MostLines).Select(key => new KeyUsageMessage(key.CacheKey, key.Tally.ToMessage()))],
    };

    public static TallyMessage ToMessage(this UsageTally tally)
        => new(tally.Hits, tally.Misses, tally.Failures, tally.BytesServed, tally.BytesFromOrigin, tally.BytesSaved, tally.Evictions, tally.BytesEvicted);

    public static UsageTally ToTally(this TallyMessage tally) => new()
    {
        Hits = tally.Hits,
        Misses = tally.Misses,
        Failures = tally.Failures,
        BytesServed = tally.BytesServed,
        BytesFromOrigin = tally.BytesFromOrigin,
        BytesSaved = tally.BytesSaved,
        Evictions = tally.Evictions,
        BytesEvicted = tally.BytesEvicted,
    };

    public static EntryMessage ToMessage(this EntrySummary entry) => new()
    {
        CacheKey = entry.CacheKey,
        Digest = entry.ManifestDigest,
        Origin = entry.Origin,
        Prefix = entry.DatasetPrefix,
        SnapshotId = entry.SnapshotId,
        Files = entry.Files,
        Bytes = entry.Bytes,
        LastUsedAt = entry.LastUsedAt,
        IsPinned = entry.IsPinned,
        IsLeased = entry.IsLeased,
        Broken = entry.Broken,
    };

    /// <param name="leases">By name.</param>
    public static EntryDetailMessage ToDetail(this EntrySummary entry, int leases) => new()
    {
        Entry = entry.ToMessage(),
        Path = entry.Path,
        DatasetId = entry.DatasetId,
        VersionHash = entry.VersionHash,
        Selection = entry.Selection,
        SelectionReason = entry.SelectionReason,
        OwnBytes = entry.OwnBytes,
        MissingCount = entry.MissingCount,
        PublishedAt = entry.PublishedAt,
        Uses = entry.Uses,
        Leases = Math.Max(leases, entry.IsLeased ? 1 : 0),
        Priority = (PriorityMessage)entry.Priority,
        ExpiresAt = entry.ExpiresAt,
        FreeableBytes = entry.FreeableBytes,
        JobLinks = [.. entry.Holders.Take(MostLines).Select(holder => new JobLinkMessage(holder.Link, holder.JobId, holder.Since, holder.Until))],
        Protections = [.. entry.Protections.Take(MostLines).Select(why => new ProtectionMessage(why.Kind.ToString(), why.Reason, why.Until))],
    };

    public static NodeState ToMessage(this NodeStatus status, string endpoint) => new()
    {
        Node = status.Node,
        Version = status.Version,
        Endpoint = endpoint,
        CacheRoot = status.CacheRoot,
        Uptime = status.Uptime,
        Entries = status.Entries,
        Bytes = status.Bytes,
        Leases = status.Leases,
        Quota = status.Space.Quota,
        Used = status.Space.Used,
        DiskFree = status.Space.DiskFree,
        MinFree = status.Space.MinFree,
        Working = [.. status.Working.Select(ToMessage)],
        Rates = new RatesMessage(status.Rates.FromOrigin, status.Rates.FromPeers, status.Rates.ToPeers, status.Rates.FromMemory),
        MemoryUsed = status.Memory.Used,
        MemoryLimit = status.Memory.Limit,
        Downloads = [.. status.Downloads.Take(MostLines).Select(download => new DownloadMessage(
            download.CacheKey ?? download.Progress.CacheKey, download.Progress.Phase.ToString(), download.Progress.BytesDone, download.Progress.BytesTotal, download.Progress.BytesFromOrigin))],
    };

    public static CellMessage ToMessage(this NodeCell cell, string node) => new()
    {
        CacheKey = cell.CacheKey,
        Digest = cell.Digest,
        Origin = cell.Origin,
        Prefix = cell.Prefix,
        DatasetId = cell.DatasetId,
        SnapshotId = cell.SnapshotId,
        Bytes = cell.Bytes,
        Files = cell.Files,
        Holder = new HolderMessage(node, cell.State.ToString(), cell.BytesDone, cell.Leases, cell.IsPinned, cell.Priority.ToString(), cell.ExpiresAt, cell.LastUsedAt),
    };
}
