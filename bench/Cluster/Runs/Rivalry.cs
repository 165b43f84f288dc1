using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Bench.Cluster.Rivals;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>Hosts that all ask at once for a dataset that none has: ours and every rival in turn, round by round, over the same links.</summary>
internal sealed class Rivalry(Ground ground, Options options, Verdict verdict) : IDisposable
{
    // Within this of the links' bound; and who is within two hundredths of another is not behind.
    private const double MostSlowest = 1.15, Tie = 1.02, MostGrowth = 1.15;
    private const long SmallFile = 1024;

    // Whose first three times differ by no more than this is not asked again: sixteen hosts one after the other over one link would take most of a race, each time the same.
    private const double Settled = 1.02;
    private const int LeastLaps = 3;

    private readonly Swarm swarm = new(ground);
    private double bytesASecond;

    private IRival[] Ways => [new Ours(ground), .. new IRival[] { new Rclone(ground), new CachingProxy(ground), swarm }.Where(IsAgainst)];

    /// <summary>By the number of hosts.</summary>
    public async Task<IReadOnlyList<Result>> HostsAsync()
    {
        await LinksAsync();
        var results = new List<Result>();
        foreach (var nodes in options.Nodes.Where(nodes => nodes <= ground.Nodes))
        {
            var rows = await RoundsAsync(nodes, nodes, () => ground.Dataset((long)options.Size << 20, Math.Max(1, options.Size / options.FileSize)));
            Print($"{nodes} hosts at once, {options.Size} MiB in files of {options.FileSize} MiB, every link {options.Rate}{options.Pace}", ((long)options.Size << 20) / bytesASecond, rows);
            Judge($"{nodes} hosts", rows, ((long)options.Size << 20) / bytesASecond);
            results.AddRange(rows);
        }
        var ours = results.Where(result => string.Equals(result.Name, Ways[0].Name, StringComparison.Ordinal)).ToArray();
        if (ours.Length > 1)
            verdict.AtMost($"T({ours[^1].At}) ÷ T({ours[0].At}), of the slowest", ours[^1].Of(lap => lap.Slowest) / ours[0].Of(lap => lap.Slowest), MostGrowth);
        return results;
    }

    /// <summary>By the number of small files.</summary>
    public async Task<IReadOnlyList<Result>> FilesAsync()
    {
        await LinksAsync();
        var (results, hosts) = (new List<Result>(), Math.Min(options.Hosts, ground.Nodes));
        foreach (var files in options.Files)
        {
            var rows = await RoundsAsync(hosts, files, () => ground.Dataset(files * SmallFile, files));
            Print($"{files} files of 1 KiB to {hosts} hosts at once, every link {options.Rate}: requests and names cost more here than bytes", files * SmallFile / bytesASecond, rows);
            Judge($"{files} files", rows, bound: null);
            results.AddRange(rows);
        }
        return results;
    }

    public void Dispose() => swarm.Dispose();

    private bool IsAgainst(IRival rival) => options.Against.Any(name => rival.Name.StartsWith(name, StringComparison.OrdinalIgnoreCase));

    private async Task LinksAsync()
    {
        if (bytesASecond > 0)
            return;
        await ground.LinksAsync(options.Rate, options.Rate);
        bytesASecond = (await Links.MeasureAsync(ground)).Narrowest;
    }

    private async Task<Result[]> RoundsAsync(int nodes, int at, Func<MadeDataset> make)
    {
        var laps = Ways.ToDictionary(way => way.Name, _ => new List<Lap>(), StringComparer.Ordinal);
        for (var round = 0; round < options.Rounds; round++)
        {
            // To and fro, so that nobody always follows the same one.
            foreach (var way in (round % 2 == 0 ? Ways : Enumerable.Reverse(Ways)).Where(way => way is Ours || !IsSettled(laps[way.Name])))
                laps[way.Name].Add(await LapAsync(way, make(), nodes));
        }
        return [.. Ways.Select(way => new Result(way.Name, at, laps[way.Name]))];
    }

    private static bool IsSettled(List<Lap> laps) => laps.Count >= LeastLaps && laps.Max(lap => lap.Slowest) <= laps.Min(lap => lap.Slowest) * Settled;

    private async Task<Lap> LapAsync(IRival way, MadeDataset dataset, int nodes)
    {
        await way.PrepareAsync(dataset);
        var before = await ground.LeftOriginAsync();
        await using var meter = new Meter(way.Daemons(nodes));
        var times = await way.CopyAsync(dataset, nodes, meter);
        await meter.StopAsync();
        var left = await ground.LeftOriginAsync() - before;
        await way.ClearAsync(dataset, nodes);
        return new Lap(Verdict.Median(times), times.Max(), (double)left / dataset.Bytes, meter.CpuSeconds, meter.PeakOfHost, meter.Idle);
    }

    private void Print(string title, double bound, Result[] rows)
    {
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title} (medians; in brackets the least, the most and how many); bound {bound:0.00} s"));
        Provenance.Print();
        Console.WriteLine($"  {"",-26} {"slowest host, s",-27} {"p50, s",8} {"÷ bound",8} {"from the origin",16} {"CPU s",8} {"peak of a host MiB",19} {"idle",6}  {"ours:it",8}");
        foreach (var row in rows)
        {
            var slowest = string.Create(CultureInfo.InvariantCulture, $"{row.Of(lap => lap.Slowest),7:0.00} [{row.Laps.Min(lap => lap.Slowest):0.00} {row.Laps.Max(lap => lap.Slowest):0.00}; {row.Laps.Count}]");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {row.Name,-26} {slowest,-27} {row.Of(lap => lap.Median),8:0.00} {row.Of(lap => lap.Slowest) / bound,8:0.000} {row.Of(lap => lap.FromOrigin),14:0.00} x {row.Of(lap => lap.CpuSeconds),8:0.00} {row.Laps.Max(lap => lap.PeakOfHost) >> 20,19} {row.Laps.Min(lap => lap.Idle),6:P0}  {Ratio(rows[0], row),7:0.00}x"));
        }
    }

    private void Judge(string what, Result[] rows, double? bound)
    {
        if (bound is { } seconds)
        {
            verdict.AtMost($"{what}: slowest ÷ bound", rows[0].Of(lap => lap.Slowest) / seconds, MostSlowest);
            Verdict.Idle(rows[0].Laps.Min(lap => lap.Idle));
        }
        foreach (var rival in rows.Skip(1))
            verdict.AtMost($"{what}: slowest ÷ {rival.Name}'s", Ratio(rows[0], rival), Tie);
    }

    // Of the same round: what disturbs the machine for a while disturbs neighbours alike.
    private static double Ratio(Result ours, Result other) => Verdict.Median(ours.Laps.Zip(other.Laps, (our, its) => our.Slowest / its.Slowest));
}
