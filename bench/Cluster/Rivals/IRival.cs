using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>A way to give many nodes the same files.</summary>
internal interface IRival
{
    string Name { get; }

    /// <summary>What runs all the time for it, with its host.</summary>
    IEnumerable<(int Process, int Host)> Daemons(int nodes) => [];

    /// <summary>What is done before anybody asks.</summary>
    Task PrepareAsync(MadeDataset dataset) => Task.CompletedTask;

    /// <summary>Copies to all at once; all that was started has ended when it returns.</summary>
    /// <returns>Seconds of each node.</returns>
    Task<double[]> CopyAsync(MadeDataset dataset, int nodes, Meter meter);

    /// <summary>Removes what was copied.</summary>
    /// <exception cref="InvalidOperationException">It was not all there.</exception>
    Task ClearAsync(MadeDataset dataset, int nodes);
}
