using DatasetCache.Eviction;

namespace DatasetCache.Hosting.Node;

internal enum NodeCellState
{
    Ready,
    Downloading,
    Broken,
}

/// <summary>What one node has of one dataset: a cell of the cluster's matrix.</summary>
internal sealed record NodeCell
{
    public required string CacheKey { get; init; }

    public required NodeCellState State { get; init; }

    /// <summary>Of its manifest; empty while it is on its way.</summary>
    public string Digest { get; init; } = "";

    public required string Origin { get; init; }

    public required string Prefix { get; init; }

    public string? DatasetId { get; init; }

    public string? SnapshotId { get; init; }

    /// <summary>Of the whole; 0 as long as it is not known.</summary>
    public long Bytes { get; init; }

    public long Files { get; init; }

    public long BytesDone { get; init; }

    public int Leases { get; init; }

    public bool IsPinned { get; init; }

    public EntryPriority Priority { get; init; } = EntryPriority.Normal;

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>A node's cells after a cache key, in the order of these, at most so many.</summary>
    /// <param name="key">One alone; null for all.</param>
    public static IReadOnlyList<NodeCell> Of(INodeService node, string? after, int count, string? key = null)
    {
        if (key is not null)
            return [.. Downloading(node).Where(cell => string.Equals(cell.CacheKey, key, StringComparison.Ordinal)).Concat(node.Inspect(key) is { } entry ? [Of(node, entry)] : []).TakeLast(1)];
        var ready = node.List(after, count).Select(entry => Of(node, entry)).ToDictionary(cell => cell.CacheKey, StringComparer.Ordinal);
        // What is here already and is only being made whole again is shown as what is here.
        foreach (var cell in Downloading(node))
        {
            if ((after is null || string.CompareOrdinal(cell.CacheKey, after) > 0) && !ready.ContainsKey(cell.CacheKey))
                ready[cell.CacheKey] = cell;
        }
        return [.. ready.Values.OrderBy(cell => cell.CacheKey, StringComparer.Ordinal).Take(count)];
    }

    public static NodeCell Of(INodeService node, EntrySummary entry) => new()
    {
        CacheKey = entry.CacheKey,
        State = entry.Broken is null ? NodeCellState.Ready : NodeCellState.Broken,
        Digest = entry.ManifestDigest,
        Origin = entry.Origin,
        Prefix = entry.DatasetPrefix,
        DatasetId = entry.DatasetId,
        SnapshotId = entry.SnapshotId,
        Bytes = entry.Bytes,
        Files = entry.Files,
        BytesDone = entry.Bytes,
        Leases = Math.Max(node.LeasesOn(entry.CacheKey), entry.IsLeased ? 1 : 0),
        IsPinned = entry.IsPinned,
        Priority = entry.Priority,
        ExpiresAt = entry.ExpiresAt,
        LastUsedAt = entry.LastUsedAt,
    };

    /// <summary>What is on its way, a cell for each that has a name by now.</summary>
    public static IEnumerable<NodeCell> Downloading(INodeService node) => node.Downloads()
        .Where(download => download.CacheKey is not null)
        .DistinctBy(download => download.CacheKey, StringComparer.Ordinal)
        .Select(download => new NodeCell
        {
            CacheKey = download.CacheKey!,
            State = NodeCellState.Downloading,
            Origin = download.Origin,
            Prefix = download.Prefix,
            DatasetId = download.DatasetId,
            SnapshotId = download.SnapshotId,
            Bytes = download.Progress.BytesTotal,
            Files = download.Progress.FilesTotal,
            BytesDone = download.Progress.BytesDone,
        });
}
