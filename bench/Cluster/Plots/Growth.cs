using DatasetCache.Bench.Cluster.Runs;

namespace DatasetCache.Bench.Cluster.Plots;

/// <summary>How time, origin bytes and CPU time grow, as pictures.</summary>
internal static class Growth
{
    public static async Task WriteAsync(string folder, string name, string title, string along, IReadOnlyList<Result> results)
    {
        Panel Of(string what, string unit, Func<Lap, double> value) => new(what, along, unit,
            [.. results.GroupBy(result => result.Name, StringComparer.Ordinal).Select(line => new Series(line.Key, [.. line.Select(result => ((double)result.At, result.Of(value)))]))]);

        var path = Path.Combine(Directory.CreateDirectory(folder).FullName, name + ".svg");
        await File.WriteAllTextAsync(path, Plot.Draw(title, [Of("Slowest host", "s", lap => lap.Slowest), Of("Left the origin", "× dataset", lap => lap.FromOrigin), Of("CPU time of all hosts", "s", lap => lap.CpuSeconds)]));
        Console.WriteLine($"  drawn: {path}");
    }
}
