using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Datasets;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>A host of its own.</summary>
internal sealed class LocalClusterView(INodeService node, Peer self) : IClusterView
{
    public string Self => node.Node;

    public Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken)
        => Task.FromResult<IReadOnlyList<ClusterNodeDocument>>([ClusterText.Of(node.Status(), self.Endpoint)]);

    public Task<(IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next)> DatasetsAsync(string? after, int limit, CancellationToken cancellationToken)
    {
        // One more shows whether there are any.
        var cells = NodeCell.Of(node, after, limit + 1);
        return Task.FromResult(((IReadOnlyList<ClusterDatasetDocument>)[.. cells.Take(limit).Select(Row)], cells.Count > limit ? cells[limit - 1].CacheKey : null));
    }

    public Task<IReadOnlyList<ClusterDatasetDocument>> DatasetAsync(string cacheKey, CancellationToken cancellationToken)
        => Task.FromResult<IReadOnlyList<ClusterDatasetDocument>>([.. NodeCell.Of(node, after: null, 1, cacheKey).Select(Row)]);

    public Task<IReadOnlyList<EventDocument>> HistoryAsync(string cacheKey, int limit, CancellationToken cancellationToken)
        => Task.FromResult<IReadOnlyList<EventDocument>>([.. node.History(cacheKey, limit).Select(happened => EntryText.Of(happened, node.Node))]);

    public Task<ClusterStatistics> StatisticsAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken)
        => Task.FromResult(new ClusterStatistics(node.Statistics(from, to), [node.Node], []));

    public Task<IReadOnlyList<RecommendedHostDocument>> RecommendAsync(IReadOnlyList<DatasetRef> datasets, CancellationToken cancellationToken)
    {
        var held = node.HeldBytes(datasets);
        return Task.FromResult<IReadOnlyList<RecommendedHostDocument>>([new(node.Node, held.Sum(), held)]);
    }

    public INodeActions ActionsOn(string name) => string.Equals(name, node.Node, StringComparison.Ordinal)
        ? new LocalNodeActions(node)
        : throw new NodeUnreachableException(name, isUnknown: true, $"There is no node '{name}': this is {node.Node}, a host of its own.");

    private ClusterDatasetDocument Row(NodeCell cell) => new(
        cell.CacheKey, cell.Digest, cell.Origin, cell.Prefix, cell.DatasetId, cell.SnapshotId, cell.Bytes, cell.Files,
        [new(node.Node, EntryText.Camel(cell.State), cell.BytesDone, cell.Leases, cell.IsPinned, EntryText.Camel(cell.Priority), cell.ExpiresAt, cell.LastUsedAt)]);
}
