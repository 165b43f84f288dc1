using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Bench.Cluster.Rivals;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>A dataset that nobody has, asked for by many nodes at once.</summary>
internal sealed class FanOut(Ground ground, Options options, Verdict verdict)
{
    private const double MostMedian = 1.12, MostSlowest = 1.25, MostGrowth = 1.15, MostBytes = 1.01;

    private sealed record Round(double Median, double Slowest, double Idle, OriginCount Count, double OriginBegan, double OriginEnded);

    /// <param name="originRate">Null where the origin's link is as fast as the nodes'.</param>
    public async Task RunAsync(string? originRate)
    {
        await ground.LinksAsync(options.Rate, originRate ?? options.Rate);
        Console.WriteLine(originRate is null ? $"fan-out, every link {options.Rate}" : $"fan-out, the nodes' links {options.Rate}, the origin's {originRate}");
        var links = await Links.MeasureAsync(ground);
        var bytes = (long)options.Size << 20;
        var bound = bytes / links.Narrowest;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Size} MiB; bound {bound:0.00} s; {options.Rounds} rounds; times of dscache get, from its start to its end"));
        var slowest = new Dictionary<int, double>();
        var median = new Dictionary<int, double>();
        foreach (var nodes in options.Nodes.Where(nodes => nodes <= ground.Nodes))
        {
            var rounds = new List<Round>();
            for (var round = 0; round < options.Rounds; round++)
                rounds.Add(await OnceAsync(nodes, bytes, byCli: true));
            var byApi = await OnceAsync(nodes, bytes, byCli: false);
            (median[nodes], slowest[nodes]) = (Verdict.Median(rounds.Select(round => round.Median)), Verdict.Median(rounds.Select(round => round.Slowest)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {nodes} nodes: p50 {median[nodes]:0.00} s, slowest {slowest[nodes]:0.00} s (worst round {rounds.Max(round => round.Slowest):0.00}); by the API p50 {byApi.Median:0.00} s ({byApi.Median / bound:0.000}), slowest {byApi.Slowest:0.00} s ({byApi.Slowest / bound:0.000}); processors idle at least {rounds.Min(round => round.Idle):P0}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"         {byApi.Count}, from {byApi.OriginBegan:0.00} to {byApi.OriginEnded:0.00} s (by the API)"));
            verdict.AtMost($"{nodes} nodes, p50 ÷ bound", median[nodes] / bound, MostMedian);
            verdict.AtMost($"{nodes} nodes, slowest ÷ bound", slowest[nodes] / bound, MostSlowest);
            verdict.AtMost($"{nodes} nodes, bytes from the origin ÷ dataset", rounds.Append(byApi).Max(round => (double)round.Count.Bytes / round.Count.Dataset.Bytes), MostBytes);
            verdict.Is($"{nodes} nodes, no range twice", rounds.Append(byApi).All(round => round.Count.Repeated == 0));
            Verdict.Idle(rounds.Min(round => round.Idle));
        }
        if (slowest.Count > 1)
        {
            var (few, many) = (slowest.Keys.Min(), slowest.Keys.Max());
            verdict.AtMost($"T({many}) ÷ T({few}), of the slowest", slowest[many] / slowest[few], MostGrowth);
            verdict.AtMost($"T({many}) ÷ T({few}), of the p50", median[many] / median[few], MostGrowth);
        }
    }

    private async Task<Round> OnceAsync(int nodes, long bytes, bool byCli)
    {
        var dataset = ground.Dataset(bytes, Math.Max(1, options.Size / options.FileSize));
        var numbers = Enumerable.Range(1, nodes).ToArray();
        var commands = await Task.WhenAll(numbers.Select(node => ground.OnAsync(node, "dscache", "get", dataset.Snapshot, "--dataset", dataset.Id, "--select", "all", "--into", ground.JobOf(node), "-q")));
        using var jobs = await Jobs.OnAsync(ground, numbers);
        var (cpu, started) = (new Cpu(), Stopwatch.GetTimestamp());
        var times = byCli ? await Task.WhenAll(commands.Select(command => Commands.TimeAsync(command))) : [.. (await jobs.GetAsync(dataset)).Select(one => one.Seconds)];
        var idle = cpu.Idle();
        var count = await OriginCount.OfAsync(ground, dataset);
        var round = new Round(Verdict.Median(times), times.Max(), idle, count, Stopwatch.GetElapsedTime(started, count.Writes[0]).TotalSeconds, Stopwatch.GetElapsedTime(started, count.Writes[^1]).TotalSeconds);
        await ground.ClearAsync(numbers);
        return round;
    }
}
