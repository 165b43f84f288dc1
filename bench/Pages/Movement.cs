using DatasetCache.Pages.Tests;

namespace DatasetCache.Bench.Pages;

/// <summary>Downloads that begin, move and end, four times a second.</summary>
internal static class Movement
{
    public static async Task RunAsync(FakeCluster cluster, CancellationToken cancellationToken)
    {
        var random = new Random(11);
        var names = cluster.Datasets.Select(dataset => dataset.DatasetId).ToArray();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        try
        {
            for (var round = 0; await timer.WaitForNextTickAsync(cancellationToken); round++)
            {
                lock (cluster.Gate)
                    Step(cluster, names, random, round);
            }
        }
        catch (OperationCanceledException)
        {
            // Over.
        }
    }

    private static void Step(FakeCluster cluster, string[] names, Random random, int round)
    {
        var thousandths = round % 40 * 26;
        if (thousandths == 0)
        {
            for (var i = 0; i < Math.Max(1, cluster.Nodes.Count / 4); i++)
            {
                var node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
                var name = names[random.Next(names.Length)];
                if (!cluster[name].Holders.ContainsKey(node.Name))
                    cluster.Begin(name, node.Name);
            }
        }
        cluster.Move(Math.Min(1000, thousandths));
        foreach (var node in cluster.Nodes)
        {
            var isMoving = cluster.Datasets.Any(dataset => dataset.Holders.GetValueOrDefault(node.Name)?.IsMoving == true);
            node.OriginRate = isMoving ? random.NextInt64(20_000_000, 120_000_000) : 0;
            node.PeerRate = isMoving ? random.NextInt64(100_000_000, 900_000_000) : 0;
        }
    }
}
