using Orleans.Concurrency;

namespace DatasetCache.Grains;

/// <summary>
/// Coordinates the one download of a dataset in the cluster, and knows which nodes hold it. Key: the dataset's name in the cluster, for example
/// <c>snap_2b2fca921e88_1bb25f37~0123456789abcdef</c>. For nodes; no call waits for a download.
/// </summary>
[Alias("dscache.dataset")]
public interface IDatasetGrain : IGrainWithStringKey
{
    /// <summary>What the dataset consists of: who lists the origin, and who has the listing.</summary>
    [Alias("manifest")]
    Task<ManifestReplyMessage> ManifestAsync(ManifestRequestMessage request, CancellationToken cancellationToken);

    /// <summary>What a node holds and does, and what it shall do next.</summary>
    [Alias("report")]
    Task<MemberReplyMessage> ReportAsync(MemberReportMessage report, CancellationToken cancellationToken);

    /// <summary>A node holds the whole entry, or no longer.</summary>
    [Alias("replica")]
    Task<ReplicaReplyMessage> ReplicaAsync(ReplicaReportMessage report, CancellationToken cancellationToken);

    /// <summary>A node wants to evict its replica.</summary>
    [Alias("evict")]
    Task<EvictionReplyMessage> EvictAsync(EvictionRequestMessage request, CancellationToken cancellationToken);

    /// <summary>The nodes that hold the whole dataset, as far as they have said so. At most 100.</summary>
    [Alias("replicas"), AlwaysInterleave]
    Task<ImmutableArray<DatasetReplica>> GetReplicasAsync(CancellationToken cancellationToken);

    /// <summary>What goes on, in numbers and the first of each kind: for people, and for the Orleans dashboard, which calls a method of this name.</summary>
    [Alias("state"), AlwaysInterleave]
    Task<DatasetState> GetState();
}
