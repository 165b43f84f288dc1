using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;

namespace DatasetCache.Http.Serving;

/// <summary>What a node serves from.</summary>
/// <param name="Service">The cache as others may use it.</param>
/// <param name="Cache">The engine itself.</param>
/// <param name="Cluster">The other nodes; of a host of its own a <see cref="LocalClusterView"/>.</param>
internal sealed record NodeParts(INodeService Service, LocalDatasetCache Cache, IClusterView Cluster, ApiOptions Api);
