using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Bench.OneHost.Races;

/// <summary>The most memory that a cold get takes: very many files, and one very large one, made up by the tests' own server.</summary>
public static class Memory
{
    private const long GiB = 1L << 30;
    private const double MostMiB = 200;

    public static async Task<bool> RunAsync(Ground ground)
    {
        var verdict = new Verdict();
        var many = Enumerable.Range(0, 100_000).Select(i => (string.Create(CultureInfo.InvariantCulture, $"datasets/many/{i / 1000:d3}/{i:d6}.jpg"), 4096L));
        await RunAsync(ground, "100,000 files of 4 KiB", "many", many, new Rivals(ground).RcloneSmall, verdict);
        await RunAsync(ground, "one object of 10 GiB", "huge", [("datasets/huge/all.tar", 10 * GiB)],
            (dataset, into, endpoint, _) => new Rivals(ground).RcloneLarge(dataset, into, endpoint), verdict);
        return verdict.Kept;
    }

    private static async Task RunAsync(Ground ground, string title, string dataset, IEnumerable<(string Key, long Size)> objects,
        Func<string, string, string?, string[], Command> rclone, Verdict verdict)
    {
        await using var server = await RangeServer.StartAsync(objects);
        Console.WriteLine();
        Console.WriteLine($"Memory, {title}");
        Console.WriteLine($"  {"",-20} {"wall s",8} {"CPU s",8} {"peak RSS MiB",13}");
        var place = ground.Fresh("memory-" + dataset);
        var ours = await ShowAsync("dscache get", new Rivals(ground)
            .Dscache("snap_1", dataset, Path.Combine(place, "cache"), Path.Combine(place, "job"), server.Endpoint).With("DSCACHE_MAX_SIZE", "100GB"));
        verdict.Expect("peak RSS", ours.PeakRss / 1048576.0, MostMiB, " MiB");
        Directory.Delete(place, recursive: true);
        await ShowAsync("rclone copy, tuned", rclone(dataset, ground.Fresh("memory-" + dataset), server.Endpoint, []));
        Directory.Delete(place, recursive: true);
    }

    private static async Task<Measured> ShowAsync(string name, Command command)
    {
        var run = await Measured.RunAsync(command);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-20} {run.Wall,8:0.00} {run.Cpu,8:0.00} {run.PeakRss >> 20,13}"));
        return run;
    }
}
