using DatasetCache.Datasets;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Statistics;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>The whole, as the node that is asked sees it: every node and what it holds. Nothing here waits long for a node that does not answer.</summary>
internal interface IClusterView
{
    /// <summary>The id of the node that is asked.</summary>
    string Self { get; }

    /// <summary>Every node, by id; one that does not answer with what is known of it.</summary>
    Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken);

    /// <summary>The rows of the matrix after a cache key, in the order of these: what any node holds or is fetching, and who.</summary>
    /// <param name="after">Null for the first.</param>
    /// <param name="limit">At most so many.</param>
    /// <returns>The rows, and what to give as <paramref name="after"/> for those that follow; null where there are none.</returns>
    Task<(IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next)> DatasetsAsync(string? after, int limit, CancellationToken cancellationToken);

    /// <summary>The rows of one key: none where nobody has it, several where nodes hold different things under it.</summary>
    Task<IReadOnlyList<ClusterDatasetDocument>> DatasetAsync(string cacheKey, CancellationToken cancellationToken);

    /// <summary>What happened to an entry on any node, the newest first.</summary>
    Task<IReadOnlyList<EventDocument>> HistoryAsync(string cacheKey, int limit, CancellationToken cancellationToken);

    /// <summary>What the caches of all nodes did from one day to another, both included, as of a few seconds ago.</summary>
    Task<ClusterStatistics> StatisticsAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken);

    /// <summary>For each node how many bytes of these datasets it has, the most first.</summary>
    Task<IReadOnlyList<RecommendedHostDocument>> RecommendAsync(IReadOnlyList<DatasetRef> datasets, CancellationToken cancellationToken);

    /// <summary>What an operator can do on a node: the one that is asked, or another by way of it.</summary>
    INodeActions ActionsOn(string node);
}

/// <param name="Usage">Added up. Of a key that is used little on a node, that node's part may be missing.</param>
/// <param name="Nodes">Whose figures are in it.</param>
/// <param name="Silent">Nodes that did not answer: what they did is missing.</param>
internal sealed record ClusterStatistics(UsageStatistics Usage, IReadOnlyList<string> Nodes, IReadOnlyList<string> Silent);
