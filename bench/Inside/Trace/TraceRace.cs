using System.Globalization;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.Trace;

/// <summary>Who goes first, and where a job goes: 500 jobs on 8 hosts, replayed by several policies. Nothing here takes time by a clock: the same command prints the same numbers everywhere.</summary>
internal static class TraceRace
{
    private const int Seeds = 20;
    private const double Capacity = 0.5;
    // Less than this is a draw.
    private const double Worse = 0.005;
    private static readonly double[] Exponents = [0.6, 0.8, 1.0, 1.2];
    private static readonly int[] Days = [2, 14, 90];

    private sealed record Row(Replayed[] Ours, Replayed[] Exact, Replayed[] Lru, Replayed[] Hinted, Replayed[] LruHinted, double Belady, double Bound);

    /// <returns>Whether ours hits no less often than plain LRU, on the average of each table.</returns>
    public static bool Run()
    {
        var kept = true;
        foreach (var hosts in new[] { 1, 8 })
        {
            foreach (var drifts in new[] { false, true })
                kept &= Table(hosts, drifts);
        }
        return kept;
    }

    private static bool Table(int hosts, bool drifts)
    {
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"500 jobs on {hosts} host{(hosts == 1 ? "" : "s")}, {(hosts == 1 ? "its cache" : "their caches together")} {Capacity:P0} of the working set{(drifts ? ", favourites change every 50 jobs" : "")}; means of {Seeds} seeds; TB over the network and, of it, from the origin"));
        Provenance.Print();
        Console.WriteLine();
        Console.WriteLine($"| Zipf | days | adaptive TTL + LRU | low mark 100 % | plain LRU | Belady | upper bound | ours, TB | plain LRU, TB |{(hosts == 1 ? "" : " hints, ours | hints, plain LRU | ours, TB | plain LRU, TB |")}");
        Console.WriteLine($"|---|---|---|---|---|---|---|---|---|{(hosts == 1 ? "" : "---|---|---|---|")}");
        var rows = new List<Row>();
        foreach (var exponent in Exponents)
        {
            foreach (var days in Days)
            {
                var row = Measure(exponent, TimeSpan.FromDays(days), hosts, drifts);
                rows.Add(row);
                var hints = hosts == 1 ? "" : $" {Rate(row.Hinted)} | {Rate(row.LruHinted)} | {Terabytes(row.Hinted)} | {Terabytes(row.LruHinted)} |";
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {exponent:0.0} | {days} | {Rate(row.Ours)} | {Rate(row.Exact)} | {Rate(row.Lru)} | {row.Belady:P1} | {row.Bound:P1} | {Terabytes(row.Ours)} | {Terabytes(row.Lru)} |{hints}"));
            }
        }
        Console.WriteLine();
        var kept = Compare("without hints", rows, row => row.Ours, row => row.Lru);
        if (hosts == 1)
            return kept;
        kept &= Compare("with hints", rows, row => row.Hinted, row => row.LruHinted);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  bytes over the network with hints ÷ without: {Share(rows, row => row.Hinted, row => row.Ours, run => run.OverNetwork):0.00}"));
        return kept;
    }

    private static Row Measure(double exponent, TimeSpan length, int hosts, bool drifts)
    {
        var traces = Enumerable.Range(1, Seeds).Select(seed => JobTrace.Make(new TraceShape(exponent, length, drifts, seed, hosts))).ToArray();
        long CapacityOf(JobTrace trace) => (long)(trace.WorkingSet * Capacity / hosts);
        Replayed[] All(TracePolicy policy, bool hints) => Array.ConvertAll(traces, trace => Replay.Run(trace, CapacityOf(trace), policy, hints));

        var ours = All(TracePolicy.Ours, hints: false);
        // Where jobs go does not depend on the policy as long as nobody hints, so that each host has its own sequence and its own optimum.
        double Of(Func<IReadOnlyList<int>, IReadOnlyList<long>, long, int> hits) => traces.Zip(ours, (trace, run) =>
            (double)Enumerable.Range(0, hosts).Sum(host => hits([.. trace.Jobs.Where(job => run.Hosts[job.Number] == host).Select(job => job.Dataset)], trace.Sizes, CapacityOf(trace))) / trace.Jobs.Count).Average();
        var exact = All(TracePolicy.OursExact, hints: false);
        var lru = All(TracePolicy.PlainLru, hints: false);
        return hosts == 1
            ? new Row(ours, exact, lru, [], [], Of(Hindsight.BeladyHits), Of(Hindsight.MostHits))
            : new Row(ours, exact, lru, All(TracePolicy.Ours, hints: true), All(TracePolicy.PlainLru, hints: true), Of(Hindsight.BeladyHits), Of(Hindsight.MostHits));
    }

    private static bool Compare(string what, List<Row> rows, Func<Row, Replayed[]> ours, Func<Row, Replayed[]> lru)
    {
        var (our, their) = (rows.SelectMany(ours).Average(run => run.HitRate), rows.SelectMany(lru).Average(run => run.HitRate));
        var kept = our >= their - Worse;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {(kept ? "ok    " : "MISSED")} hit rate {what}: {our:P2}, plain LRU {their:P2}; bytes from the origin {Share(rows, ours, lru, run => run.FromOrigin):0.000} × its, over the network {Share(rows, ours, lru, run => run.OverNetwork):0.000} ×"));
        return kept;
    }

    private static double Share(List<Row> rows, Func<Row, Replayed[]> part, Func<Row, Replayed[]> whole, Func<Replayed, double> bytes) => rows.SelectMany(part).Sum(bytes) / rows.SelectMany(whole).Sum(bytes);

    private static string Rate(Replayed[] runs) => runs.Average(run => run.HitRate).ToString("P1", CultureInfo.InvariantCulture);

    private static string Terabytes(Replayed[] runs)
        => string.Create(CultureInfo.InvariantCulture, $"{runs.Average(run => run.OverNetwork) / 1e12:0.00}, {runs.Average(run => run.FromOrigin) / 1e12:0.00}");
}
