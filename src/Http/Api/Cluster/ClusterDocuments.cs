namespace DatasetCache.Http.Api.Cluster;

// The whole, as one node sees it. Sizes are bytes, rates bytes a second over the last ten, times are UTC.

/// <param name="Self">The node that says so.</param>
/// <param name="Next">What to give as <c>after</c> for the next page of datasets; null for none.</param>
internal sealed record ClusterDocument(string Self, IReadOnlyList<ClusterNodeDocument> Nodes, IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next);

/// <param name="Status">Of the cluster's membership: <c>Active</c>, <c>Joining</c> and so on.</param>
/// <param name="IsAlive">Whether it answered. Of one that did not, no more is known.</param>
internal sealed record ClusterNodeDocument(string Node, string? Address, string Status, bool IsAlive, int? Entries, long? Bytes)
{
    public string? Version { get; init; }

    /// <summary>The most that the cache may take of its disk.</summary>
    public long? Quota { get; init; }

    public long? Used { get; init; }

    public long? DiskFree { get; init; }

    /// <summary>Of the memory tier.</summary>
    public long? MemoryUsed { get; init; }

    public long? MemoryLimit { get; init; }

    public int? Leases { get; init; }

    public double? UptimeSeconds { get; init; }

    public RatesDocument? Rates { get; init; }

    /// <summary>What is being made ready there, at most 100.</summary>
    public IReadOnlyList<DownloadDocument> Working { get; init; } = [];
}

/// <summary>Bytes a second.</summary>
/// <param name="PeerBytesIn">From other nodes.</param>
/// <param name="PeerBytesOut">To other nodes.</param>
/// <param name="MemoryBytes">Served from memory.</param>
internal sealed record RatesDocument(long OriginBytes, long PeerBytesIn, long PeerBytesOut, long MemoryBytes);

/// <param name="CacheKey">What it is going to be called; while a mutable dataset is being listed, its folder.</param>
/// <param name="Phase"><c>waiting</c>, <c>listing</c>, <c>resuming</c>, <c>downloading</c> or <c>publishing</c>.</param>
internal sealed record DownloadDocument(string CacheKey, string Phase, long BytesDone, long BytesTotal, long BytesFromOrigin);

/// <summary>A row of the matrix.</summary>
/// <param name="Digest">SHA-256 of its manifest: nodes with another one under the same key hold something else. Empty where nobody has it whole yet.</param>
internal sealed record ClusterDatasetDocument(
    string CacheKey, string Digest, string Origin, string Prefix, string? DatasetId, string? SnapshotId, long Bytes, long Files, IReadOnlyList<ClusterHolderDocument> Holders);

/// <param name="State"><c>ready</c>, <c>downloading</c> or <c>broken</c>.</param>
internal sealed record ClusterHolderDocument(
    string Node, string State, long BytesDone, int Leases, bool IsPinned, string Priority, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt);

internal sealed record NodesDocument(IReadOnlyList<ClusterNodeDocument> Nodes);

internal sealed record RecommendBody(IReadOnlyList<DatasetBody> Datasets);

/// <summary>The host with the most bytes first.</summary>
internal sealed record RecommendationsDocument(IReadOnlyList<RecommendedHostDocument> Hosts);

/// <param name="Host">The node's id.</param>
/// <param name="Bytes">Of all datasets that were named.</param>
/// <param name="PerDataset">Of each, in the order of the request.</param>
internal sealed record RecommendedHostDocument(string Host, long Bytes, IReadOnlyList<long> PerDataset);
