using System.Globalization;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.OneHost;

/// <summary>
/// Runs contestants in turn, round by round, and prints medians. Ratios are medians of the rounds' own ratios: what disturbs the machine for a
/// while disturbs neighbours alike. The first contestant is ours.
/// </summary>
public sealed class Contest(string title, int rounds)
{
    private readonly List<(string Name, Func<int, Command> Prepare, List<Measured> Runs)> contestants = [];

    /// <summary>Called after each run, with the run's number; its time is not counted.</summary>
    public Action<int>? After { get; init; }

    /// <summary>Whether each contestant runs once before it counts.</summary>
    public bool WarmUp { get; init; }

    public IEnumerable<string> Names => contestants.Select(contestant => contestant.Name);

    /// <param name="name">For the table.</param>
    /// <param name="prepare">Makes the command for a run of that number, which no other run has.</param>
    public void Enter(string name, Func<int, Command> prepare) => contestants.Add((name, prepare, []));

    public async Task RunAsync()
    {
        var run = 0;
        foreach (var (_, prepare, _) in contestants.Where(_ => WarmUp))
            await Measured.RunAsync(prepare(++run));
        for (var round = 0; round < rounds; round++)
        {
            // To and fro, so that nobody always follows the same one.
            var order = round % 2 == 0 ? contestants : Enumerable.Reverse(contestants);
            foreach (var (_, prepare, runs) in order)
            {
                var command = prepare(++run);
                // What others left to be written back is not this one's work.
                await Measured.RunAsync(new Command("sync", [], new Dictionary<string, string?>(StringComparer.Ordinal)));
                runs.Add(await Measured.RunAsync(command));
                After?.Invoke(run);
            }
        }
        Print();
    }

    /// <summary>The median over rounds of our wall time by that contestant's.</summary>
    public double WallRatio(string name) => Ratio(name, run => run.Wall);

    /// <summary>The same where another than the first contestant is the one of ours to compare.</summary>
    public double WallRatio(string name, string ours) => Median(RunsOf(ours).Zip(RunsOf(name), (our, other) => our.Wall / other.Wall));

    public double CpuRatio(string name) => Ratio(name, run => run.Cpu);

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private double Ratio(string name, Func<Measured, double> cost)
    {
        return Median(contestants[0].Runs.Zip(RunsOf(name), (ours, other) => cost(ours) / cost(other)));
    }

    private List<Measured> RunsOf(string name) => contestants.Single(contestant => string.Equals(contestant.Name, name, StringComparison.Ordinal)).Runs;

    private void Print()
    {
        Console.WriteLine();
        Console.WriteLine($"{title} (medians of {rounds}; in brackets the least and the most)");
        Provenance.Print();
        Console.WriteLine($"  {"",-34} {"wall s",-22} {"CPU s",-22} {"RSS MiB",7}  {"ours:it, wall",13} {"CPU",6}");
        foreach (var (name, _, runs) in contestants)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {name,-34} {Spread(runs, run => run.Wall),-22} {Spread(runs, run => run.Cpu),-22} {runs.Max(run => run.PeakRss) >> 20,7}  {WallRatio(name),12:0.00}x {CpuRatio(name),5:0.00}x"));
        }
    }

    private static string Spread(List<Measured> runs, Func<Measured, double> cost) => string.Create(CultureInfo.InvariantCulture,
        $"{Median(runs.Select(cost)),6:0.000} [{runs.Min(cost):0.00} {runs.Max(cost):0.00}]");
}
