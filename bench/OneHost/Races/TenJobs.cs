using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Costs;
using DatasetCache.Testing;

namespace DatasetCache.Bench.OneHost.Races;

/// <summary>Ten jobs, one after the other, on one dataset: what users of a host without a cache do, and what it saves. Each job has a folder of its own, as jobs have.</summary>
public static class TenJobs
{
    private const int Jobs = 10;
    private const string Dataset = "large";
    private const double MostBytes = 1.01;

    private sealed record Sum(double Wait, double First, double Cpu, long PeakRss, long Disk);

    public static async Task<bool> RunAsync(Ground ground)
    {
        var rivals = new Rivals(ground);
        (string Name, Func<string, int, string?, Command> Job)[] contestants =
        [
            ("dscache get", (place, job, endpoint) => rivals.Dscache("snap_1", Dataset, Path.Combine(place, "cache"), Path.Combine(place, Number(job)), endpoint)),
            ("rclone copy, tuned", (place, job, endpoint) => rivals.RcloneLarge(Dataset, Path.Combine(place, Number(job)), endpoint)),
            ("aws s3 sync", (place, job, endpoint) => rivals.AwsSync(Dataset, Path.Combine(place, Number(job)), endpoint)),
        ];
        var total = (long)S3Data.LargeFiles * S3Data.LargeSize;
        // Bytes are counted in a round of their own: what counts them takes time.
        var bytes = new Dictionary<string, long>(StringComparer.Ordinal);
        await using (var proxy = await FaultProxy.StartAsync(ground.S3.Endpoint))
        {
            foreach (var (name, job) in contestants)
            {
                proxy.Served.Reset();
                await InTurnAsync(ground, (place, number) => job(place, number, proxy.Endpoint));
                bytes[name] = proxy.Served.Total;
            }
        }
        var runs = contestants.ToDictionary(contestant => contestant.Name, _ => new List<Sum>(), StringComparer.Ordinal);
        for (var round = 0; round < ground.Rounds; round++)
        {
            foreach (var (name, job) in round % 2 == 0 ? contestants : Enumerable.Reverse(contestants))
                runs[name].Add(await InTurnAsync(ground, (place, number) => job(place, number, null)));
        }

        Console.WriteLine();
        Console.WriteLine($"{Jobs} jobs in turn, each with a folder of its own, one dataset of {S3Data.LargeFiles} x 128 MiB (medians of {ground.Rounds}; ours with its final sync, as by default)");
        Provenance.Print();
        Console.WriteLine($"  {"",-20} {"wait in all, s",15} {"first job, s",13} {"CPU s",8} {"peak MiB",9} {"from the origin",16} {"on disk",9}  {"ours:it, wait",13}");
        var (verdict, ratios) = (new Verdict(), new List<(string Name, double Wait)>());
        var ours = runs[contestants[0].Name];
        foreach (var (name, _) in contestants)
        {
            var its = runs[name];
            double Of(Func<Sum, double> value) => Contest.Median(its.Select(value));
            var ratio = Contest.Median(ours.Zip(its, (our, it) => our.Wait / it.Wait));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {name,-20} {Of(sum => sum.Wait),15:0.00} {Of(sum => sum.First),13:0.00} {Of(sum => sum.Cpu),8:0.00} {its.Max(sum => sum.PeakRss) >> 20,9} {(double)bytes[name] / total,14:0.00} x {Of(sum => sum.Disk) / total,7:0.00} x  {ratio,12:0.00}x"));
            if (its != ours)
                ratios.Add((name, ratio));
        }
        foreach (var (name, wait) in ratios)
            verdict.Expect($"wait against {name}", wait, 1);
        verdict.Expect("bytes from the origin ÷ dataset", (double)bytes[contestants[0].Name] / total, MostBytes, "");
        verdict.Expect("disk ÷ dataset", Contest.Median(ours.Select(sum => (double)sum.Disk)) / total, MostBytes, "");
        return verdict.Kept;
    }

    private static async Task<Sum> InTurnAsync(Ground ground, Func<string, int, Command> job)
    {
        var place = ground.Fresh("ten-jobs");
        var runs = new List<Measured>();
        for (var number = 1; number <= Jobs; number++)
            runs.Add(await Measured.RunAsync(job(place, number)));
        // As allocated; the jobs' links are not followed.
        var disk = (await Measured.RunAsync(new Command("du", ["-s", "-B1", place], new Dictionary<string, string?>(StringComparer.Ordinal)))).Output.Split('\t')[0];
        using (var delete = Process.Start("bash", ["-c", "chmod -R u+w \"$0\" && rm -rf \"$0\"", place]))
            await delete.WaitForExitAsync();
        return new Sum(runs.Sum(run => run.Wall), runs[0].Wall, runs.Sum(run => run.Cpu), runs.Max(run => run.PeakRss), long.Parse(disk, CultureInfo.InvariantCulture));
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
