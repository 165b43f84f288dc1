using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>Another way to give many nodes the same files.</summary>
internal interface IRival
{
    string Name { get; }

    /// <returns>Seconds of each node.</returns>
    Task<double[]> CopyAsync(MadeDataset dataset, int nodes);
}
