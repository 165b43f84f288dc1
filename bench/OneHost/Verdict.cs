using System.Globalization;

namespace DatasetCache.Bench.OneHost;

/// <summary>Says whether a bound of the project's own was kept.</summary>
public sealed class Verdict
{
    public bool Kept { get; private set; } = true;

    public void Expect(string what, double value, double most, string unit = "x")
    {
        var kept = value <= most;
        Kept &= kept;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {(kept ? "ok    " : "MISSED")} {what}: {value:0.000}{unit}, at most {most:0.###}{unit}"));
    }
}
