using DatasetCache.Coordination;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>The whole, as the node that is asked sees it: every node and what it holds. Nothing here waits for a node that does not answer.</summary>
internal interface IClusterView
{
    /// <summary>Every node, by id; one that does not answer with what is known of it.</summary>
    Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken);
}

/// <summary>A host of its own.</summary>
internal sealed class LocalClusterView(Hosting.Node.INodeService node, Peer self) : IClusterView
{
    public Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken)
    {
        var status = node.Status();
        return Task.FromResult<IReadOnlyList<ClusterNodeDocument>>([new(status.Node, self.Endpoint.Length == 0 ? null : self.Endpoint, "Active", IsAlive: true, status.Entries, status.Bytes)]);
    }
}
