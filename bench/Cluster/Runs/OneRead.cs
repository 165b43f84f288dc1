using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>Many small datasets, each asked for by all nodes at once: no range may leave the origin twice.</summary>
internal sealed class OneRead(Ground ground, Options options, Verdict verdict)
{
    private const double MostBytes = 1.01, MostSpread = 0.1;
    private const int ClearEvery = 10;

    // Large files in pieces, and small ones together in pieces: 8 MiB each.
    private static readonly (int Files, long Size)[] Shapes = [(4, 2 << 20), (80, 104_858)];

    public async Task RunAsync()
    {
        var nodes = Enumerable.Range(1, Math.Min(8, ground.Nodes)).ToArray();
        await ground.LinksAsync(options.Rate, options.Rate);
        Console.WriteLine($"one origin read: {nodes.Length} nodes ask for 8 MiB at once, {options.Runs} runs, every link {options.Rate}");
        using (var jobs = await Jobs.OnAsync(ground, nodes))
        {
            var (kept, bytes, spread, slow) = (0, 0.0, 0.0, 0.0);
            for (var run = 0; run < options.Runs; run++)
            {
                var (files, size) = Shapes[run % Shapes.Length];
                var dataset = ground.Dataset(files * size, files);
                var acquired = await jobs.GetAsync(dataset);
                var count = await OriginCount.OfAsync(ground, dataset);
                spread = Math.Max(spread, Stopwatch.GetElapsedTime(acquired.Min(one => one.Asked), acquired.Max(one => one.Asked)).TotalSeconds);
                bytes = Math.Max(bytes, (double)count.Bytes / dataset.Bytes);
                slow = Math.Max(slow, acquired.Max(one => one.Seconds));
                if (count.Repeated == 0 && count.Bytes <= dataset.Bytes * MostBytes)
                    kept++;
                else
                    Console.WriteLine($"         run {run + 1}: {count}{string.Concat(count.Repeats().Take(3).Select(pair => $"\n           {pair.First}\n           {pair.Second}"))}");
                if ((run + 1) % ClearEvery == 0 || run == options.Runs - 1)
                    await ground.ClearAsync(nodes);
            }
            verdict.Is($"no range twice and at most {MostBytes.ToString(CultureInfo.InvariantCulture)} of the dataset's bytes in {kept} of {options.Runs} runs (at most {bytes.ToString("0.0000", CultureInfo.InvariantCulture)}; slowest job {slow.ToString("0.00", CultureInfo.InvariantCulture)} s)", kept == options.Runs);
            verdict.AtMost("first to last question", spread, MostSpread, " s");
        }
        var kill = await KilledRun.OnceAsync(ground, nodes, ground.Dataset((long)options.Size << 20, Math.Max(1, options.Size / options.FileSize)), victim: null);
        Console.WriteLine($"  the coordinator's host killed: {kill}");
        verdict.Is($"no range twice that a survivor held ({kill.ReadAgain.Count} were)", kill.ReadAgain.Count == 0);
        verdict.Is($"no error to a survivor's job ({kill.Errors.Count} had one)", kill.Errors.Count == 0);
        await ground.ClearAsync(nodes);
    }
}
