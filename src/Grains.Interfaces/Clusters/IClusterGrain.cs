namespace DatasetCache.Grains;

/// <summary>The whole, for operators and for whoever chooses a host for a job. Key: 0. Answers on the silo that is asked, from what the nodes say now.</summary>
[Alias("dscache.cluster")]
public interface IClusterGrain : IGrainWithIntegerKey
{
    /// <summary>The node whose gateway was asked: of a client that connects to its own host, that host's.</summary>
    [Alias("local")]
    Task<NodeState> LocalNodeAsync();

    /// <summary>The nodes after an id, in the order of their ids, at most 200.</summary>
    /// <param name="after">Null for the first.</param>
    [Alias("nodes")]
    Task<ImmutableArray<ClusterNode>> NodesAsync(string? after, int count, CancellationToken cancellationToken);

    /// <summary>The datasets that any node holds whole, after a cache key and in the order of these, at most 1,000, each with its replicas.</summary>
    /// <param name="after">Null for the first.</param>
    [Alias("datasets")]
    Task<ImmutableArray<ClusterDataset>> DatasetsAsync(string? after, int count, CancellationToken cancellationToken);

    /// <summary>The same with what is still on its way, and with what each node has of it: <see cref="ClusterDataset.Holders"/>. At most 1,000 rows, and never a key's rows in part.</summary>
    [Alias("matrix")]
    Task<ImmutableArray<ClusterDataset>> MatrixAsync(CellsRequest request, CancellationToken cancellationToken);

    /// <summary>What happened to an entry on any node, the newest first, at most 1,000.</summary>
    [Alias("history")]
    Task<ImmutableArray<EventMessage>> HistoryAsync(string cacheKey, int count, CancellationToken cancellationToken);

    /// <summary>What the caches of all nodes did from one day to another, both included, as of a few seconds ago.</summary>
    [Alias("usage")]
    Task<ClusterUsage> UsageAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken);

    /// <summary>For each node how many bytes of these datasets it has, the most first. At most 100 datasets.</summary>
    [Alias("hosts")]
    Task<ImmutableArray<HostRecommendation>> RecommendHostsAsync(ImmutableArray<DatasetMessage> datasets, CancellationToken cancellationToken);
}

/// <param name="Status">Of the silo in the cluster's membership, for example <c>Active</c>.</param>
/// <param name="Node">Null where it did not answer.</param>
[GenerateSerializer, Immutable, Alias("dscache.cluster.node")]
public sealed record ClusterNode(
    [property: Id(0)] string Id, [property: Id(1)] string Silo, [property: Id(2)] string Status, [property: Id(3)] NodeState? Node);

/// <param name="Digest">SHA-256 of its manifest document: nodes with another digest under the same cache key hold something else.</param>
/// <param name="Nodes">The nodes that hold it, at most 100.</param>
[GenerateSerializer, Immutable, Alias("dscache.cluster.dataset")]
public sealed record ClusterDataset(
    [property: Id(0)] string CacheKey, [property: Id(1)] string Digest, [property: Id(2)] string Origin, [property: Id(3)] string Prefix,
    [property: Id(4)] long Bytes, [property: Id(5)] int Replicas, [property: Id(6)] ImmutableArray<string> Nodes)
{
    [Id(7)]
    public string? DatasetId { get; init; }

    [Id(8)]
    public string? SnapshotId { get; init; }

    [Id(9)]
    public long Files { get; init; }

    /// <summary>What each node has of it, in the order of their ids. Of a matrix only.</summary>
    [Id(10)]
    public ImmutableArray<HolderMessage> Holders { get; init; } = [];
}

/// <param name="Host">The node's id.</param>
/// <param name="Bytes">Of all datasets that were named.</param>
/// <param name="PerDataset">Of each, in the order of the call.</param>
[GenerateSerializer, Immutable, Alias("dscache.cluster.host")]
public sealed record HostRecommendation([property: Id(0)] string Host, [property: Id(1)] long Bytes, [property: Id(2)] ImmutableArray<long> PerDataset);
