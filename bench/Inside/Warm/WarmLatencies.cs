using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Warm;

/// <summary>Latencies of warm acquires one by one, so that the slowest in a hundred shows: BenchmarkDotNet reports means of many.</summary>
public static class WarmLatencies
{
    private const double MostMedian = 1, MostP99 = 5;
    private const int WarmUp = 300;

    private static readonly (string Name, Func<FilledCache, int, string?> Job)[] Kinds =
    [
        ("lease alone", (_, _) => null),
        ("and the same job's link", (cache, _) => cache.Job(0)),
        ("and a new job's link", (cache, call) => cache.Job(call)),
    ];

    /// <returns>Whether every row keeps within the bounds: p50 1 ms, p99 5 ms.</returns>
    public static async Task<bool> RunAsync(int calls)
    {
        Console.WriteLine($"Warm AcquireAsync, {calls} calls each; bounds: p50 {MostMedian} ms, p99 {MostP99} ms. \"x first\" compares with the first row of its kind.");
        Console.WriteLine();
        Console.WriteLine($"{"files",8} {"entries",8}  {"what",-24} {"p50 ms",8} {"p99 ms",8} {"max ms",8} {"x first",8}");
        var firsts = new double[Kinds.Length];
        var within = true;
        foreach (var entries in (int[])[10, 10_000])
        {
            foreach (var files in (int[])[10, 100_000])
                within &= await RunAsync(files, entries, calls, firsts);
        }
        Console.WriteLine();
        Console.WriteLine(within ? "within the bounds" : "MISSED a bound");
        return within;
    }

    private static async Task<bool> RunAsync(int files, int entries, int calls, double[] firsts)
    {
        await using var cache = await FilledCache.CreateAsync(files, entries);
        var within = true;
        for (var kind = 0; kind < Kinds.Length; kind++)
        {
            var latencies = new double[calls];
            for (var call = -WarmUp; call < calls; call++)
            {
                var job = Kinds[kind].Job(cache, call);
                if (job is not null)
                    Directory.CreateDirectory(job);
                var start = Stopwatch.GetTimestamp();
                var outcome = await cache.AcquireAsync(job);
                var took = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (outcome != AcquireOutcome.Hit)
                    throw new InvalidOperationException($"{outcome} where a hit was to be measured.");
                if (call >= 0)
                    latencies[call] = took;
            }
            Array.Sort(latencies);
            var (median, p99) = (latencies[calls / 2], latencies[calls * 99 / 100]);
            firsts[kind] = firsts[kind] == 0 ? median : firsts[kind];
            within &= median <= MostMedian && p99 <= MostP99;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{files,8} {entries,8}  {Kinds[kind].Name,-24} {median,8:0.000} {p99,8:0.000} {latencies[^1],8:0.000} {median / firsts[kind],8:0.00}"));
        }
        return within;
    }
}
