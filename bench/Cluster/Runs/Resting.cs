using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>What a silo without work takes from the training job beside it.</summary>
internal sealed class Resting(Ground ground)
{
    private const double TicksPerSecond = 100;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);

    public async Task RunAsync()
    {
        await Task.Delay(Settling);
        var before = CpuSeconds();
        await Task.Delay(Watched);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"at rest: a silo of {ground.Nodes} takes {(CpuSeconds() - before) / ground.Nodes / Watched.TotalSeconds * 100:0.0} % of a core; resident: {ground.Resident()}"));
    }

    // Behind the command's name, which may have blanks in it: from the third field on, and of these the twelfth and thirteenth.
    private double CpuSeconds() => Enumerable.Range(1, ground.Nodes).Sum(node =>
    {
        var text = File.ReadAllText($"/proc/{ground.ProcessOf(node)}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    });
}
