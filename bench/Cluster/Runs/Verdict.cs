using System.Globalization;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>Says whether a bound was kept, and what the machine did meanwhile.</summary>
internal sealed class Verdict
{
    public bool Kept { get; private set; } = true;

    public void AtMost(string what, double value, double bound, string unit = "") => Say(value <= bound, $"{what}: {Text(value)}{unit}, at most {Text(bound)}{unit}");

    public void AtLeast(string what, double value, double bound, string unit = "") => Say(value >= bound, $"{what}: {Text(value)}{unit}, at least {Text(bound)}{unit}");

    /// <summary>Something was missed, and it has been said what.</summary>
    public void Fail() => Kept = false;

    public void Is(string what, bool kept) => Say(kept, what);

    /// <summary>A run whose processors were busy says nothing of links; it is neither kept nor missed.</summary>
    public static void Idle(double least)
    {
        if (least < Hosts.Cpu.LeastIdle)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  VOID   the processors were idle for {least:P0} of a run, less than {Hosts.Cpu.LeastIdle:P0}: it measures them and not the links. Lower --rate"));
    }

    public static double Median(params IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Text(double value) => value.ToString(Math.Abs(value) >= 100 ? "0" : "0.###", CultureInfo.InvariantCulture);

    private void Say(bool kept, string words)
    {
        Kept &= kept;
        Console.WriteLine($"  {(kept ? "ok    " : "MISSED")} {words}");
    }
}
