using DatasetCache.Grains;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;

namespace DatasetCache.Silo.Running;

/// <summary>The cluster as its grains see it.</summary>
internal sealed class OrleansClusterView(IGrainFactory grains) : IClusterView
{
    private IClusterGrain Cluster => grains.GetGrain<IClusterGrain>(0);

    public async Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken)
        => [.. (await Cluster.NodesAsync(after: null, int.MaxValue, cancellationToken))
            .Select(node => new ClusterNodeDocument(node.Id, node.Node?.Endpoint, node.Status, node.Node is not null, node.Node?.Entries, node.Node?.Bytes))];
}
