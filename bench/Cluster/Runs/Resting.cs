using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>What a silo without work takes from the training job beside it.</summary>
internal sealed class Resting(Ground ground)
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);

    public async Task RunAsync()
    {
        await Task.Delay(Settling);
        var before = CpuSeconds();
        await Task.Delay(Watched);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"at rest: a silo of {ground.Nodes} takes {(CpuSeconds() - before) / ground.Nodes / Watched.TotalSeconds * 100:0.0} % of a core; resident: {ground.Resident()}"));
    }

    private double CpuSeconds() => Enumerable.Range(1, ground.Nodes).Sum(node => ProcessTree.Cpu(ground.ProcessOf(node)));
}
