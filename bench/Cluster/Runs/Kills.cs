using DatasetCache.Bench.Cluster.Hosts;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>One node after the other killed in the middle of a broadcast, the coordinator's host first.</summary>
internal sealed class Kills(Ground ground, Options options, Verdict verdict)
{
    private const double MostPeerGap = 2, MostOriginGap = 20;

    public async Task RunAsync()
    {
        var nodes = Enumerable.Range(1, Math.Min(8, ground.Nodes)).ToArray();
        await ground.LinksAsync(options.Rate, options.Rate);
        Console.WriteLine($"a node killed in the middle: {nodes.Length} nodes, {options.Size} MiB, every link {options.Rate}; progress is looked at every 50 ms");
        for (var run = 0; run < options.Kills; run++)
        {
            var dataset = ground.Dataset((long)options.Size << 20, Math.Max(1, options.Size / options.FileSize));
            var cpu = new Cpu();
            var killed = await KilledRun.OnceAsync(ground, nodes, dataset, run == 0 ? null : nodes[run % nodes.Length]);
            Console.WriteLine($"  {killed}");
            verdict.AtMost("longest gap in a survivor's pieces from others", killed.PeerGap, MostPeerGap, " s");
            verdict.AtMost("longest gap in origin reads", killed.OriginGap, MostOriginGap, " s");
            verdict.Is($"no range twice that a survivor held ({killed.ReadAgain.Count} were)", killed.ReadAgain.Count == 0);
            verdict.Is($"no error to a survivor's job ({killed.Errors.Count} had one)", killed.Errors.Count == 0);
            Verdict.Idle(cpu.Idle());
            await ground.ClearAsync(nodes);
        }
    }
}
