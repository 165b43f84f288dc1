using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary><c>dscache get</c> on every node, through the nodes' silos, which run all the time.</summary>
internal sealed class Ours(Ground ground) : IRival
{
    public string Name => "dscache get";

    public IEnumerable<(int Process, int Host)> Daemons(int nodes) => Enumerable.Range(1, nodes).Select(node => (ground.ProcessOf(node), node));

    public async Task<double[]> CopyAsync(MadeDataset dataset, int nodes, Meter meter)
    {
        var commands = await Task.WhenAll(Enumerable.Range(1, nodes).Select(node => ground.OnAsync(node, "dscache", "get", dataset.Snapshot, "--dataset", dataset.Id, "--select", "all", "--into", ground.JobOf(node), "-q")));
        return await Commands.TimeAllAsync(commands, meter);
    }

    public Task ClearAsync(MadeDataset dataset, int nodes)
    {
        // Its own folder only: another dataset may still be on its way out.
        var lacking = Enumerable.Range(1, nodes).FirstOrDefault(node => Directory.EnumerateDirectories(Path.Combine(ground.RootOf(node), "snapshots"), "*" + dataset.Id + "*")
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.bin", SearchOption.AllDirectories)).Sum(file => new FileInfo(file).Length) != dataset.Bytes);
        return lacking == 0 ? ground.ClearAsync(Enumerable.Range(1, nodes)) : throw new InvalidOperationException($"node {lacking} has not all of {dataset.Id}.");
    }
}
