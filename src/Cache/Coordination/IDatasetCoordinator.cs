namespace DatasetCache.Coordination;

/// <summary>
/// One dataset's coordinator as a node reaches it. No call waits for a download. A coordinator that cannot be reached is a
/// <see cref="CoordinatorUnavailableException"/>: the node goes on with what it knows.
/// </summary>
internal interface IDatasetCoordinator
{
    Task<ManifestReply> ManifestAsync(ManifestRequest request, CancellationToken cancellationToken);

    Task<MemberReply> ReportAsync(MemberReport report, CancellationToken cancellationToken);

    Task<ReplicaReply> ReplicaAsync(ReplicaReport report, CancellationToken cancellationToken);

    Task<EvictionReply> EvictAsync(EvictionRequest request, CancellationToken cancellationToken);
}

/// <summary>The coordinator's host is gone, or the call took too long.</summary>
internal sealed class CoordinatorUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The cluster as one node's cache sees it. Without one a cache is a host of its own.</summary>
internal interface ICluster
{
    /// <summary>This node.</summary>
    Peer Self { get; }

    /// <param name="key">The dataset's name in the cluster: <see cref="ClusterKey"/>.</param>
    IDatasetCoordinator Coordinator(string key);

    Transfers.Peers.IPeerReader Peers { get; }
}

/// <summary>What one node knows about its own part in a dataset.</summary>
internal interface INodeHoldings
{
    /// <param name="key">The dataset's name in the cluster: <see cref="ClusterKey"/>.</param>
    NodeHolding Describe(string key);
}
