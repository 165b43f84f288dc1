using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Bench.Cluster.Rivals;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>A node that asks when all others have it.</summary>
internal sealed class Late(Ground ground, Options options, Verdict verdict)
{
    // Its link's rate: as near to it as a node of a fan-out shall be.
    private const double Most = 1.12;

    public async Task RunAsync()
    {
        await ground.LinksAsync(options.Rate, options.Rate);
        var links = await Links.MeasureAsync(ground);
        var (others, late) = (Enumerable.Range(1, Math.Min(8, ground.Nodes) - 1).ToArray(), Math.Min(8, ground.Nodes));
        var bytes = (long)options.Size << 20;
        var bound = bytes / links.BetweenNodes;
        var (byCli, byApi, fromOrigin, idle) = (new List<double>(), new List<double>(), 0L, 1.0);
        for (var round = 0; round < options.Rounds * 2; round++)
        {
            var dataset = ground.Dataset(bytes, Math.Max(1, options.Size / options.FileSize));
            await ground.LinksAsync(nodes: null, servers: null);
            using (var jobs = await Jobs.OnAsync(ground, others))
                await jobs.GetAsync(dataset);
            await ground.LinksAsync(options.Rate, options.Rate);
            var before = (await OriginCount.OfAsync(ground, dataset)).Bytes;
            var command = await ground.OnAsync(late, "dscache", "get", dataset.Snapshot, "--dataset", dataset.Id, "--select", "all", "--into", ground.JobOf(late), "-q");
            using var job = await Jobs.OnAsync(ground, late);
            var cpu = new Cpu();
            if (round % 2 == 0)
                byCli.Add(await Commands.TimeAsync(command));
            else
                byApi.Add((await job.GetAsync(dataset))[0].Seconds);
            idle = Math.Min(idle, cpu.Idle());
            fromOrigin = Math.Max(fromOrigin, (await OriginCount.OfAsync(ground, dataset)).Bytes - before);
            await ground.ClearAsync([.. others, late]);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"late: {others.Length} nodes have {options.Size} MiB, another asks; bound {bound:0.00} s; dscache get {Verdict.Median(byCli):0.00} s, by the API {Verdict.Median(byApi):0.00} s ({Verdict.Median(byApi) / bound:0.000})"));
        verdict.AtMost("a node that comes late ÷ bound", Verdict.Median(byCli) / bound, Most);
        verdict.AtMost("its bytes from the origin", fromOrigin, 0);
        Verdict.Idle(idle);
    }
}
