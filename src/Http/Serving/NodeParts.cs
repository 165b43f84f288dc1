using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Memory;
using DatasetCache.Reading;

namespace DatasetCache.Http.Serving;

/// <summary>What a node serves from.</summary>
/// <param name="Service">The cache as others may use it.</param>
/// <param name="Cache">The engine itself.</param>
/// <param name="Cluster">The other nodes; of a host of its own a <see cref="LocalClusterView"/>.</param>
internal sealed record NodeParts(INodeService Service, LocalDatasetCache Cache, IClusterView Cluster, ApiOptions Api)
{
    /// <summary>Small files that are read often.</summary>
    public MemoryTier Hot { get; } = new(Api.Memory, () => Cache.Ttl, TimeProvider.System);

    /// <summary>How reads of files were answered: memory (L1), disk (L2), peers, origin (L3).</summary>
    public ReadCounts Reads => Cache.CountReads(Hot.Counts);
}
