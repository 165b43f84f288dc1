namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>One way of copying, once.</summary>
/// <param name="FromOrigin">Bytes that left the origin's host over its link, headers and all, as a multiple of the dataset.</param>
/// <param name="PeakOfHost">The most bytes resident on one host.</param>
internal sealed record Lap(double Median, double Slowest, double FromOrigin, double CpuSeconds, long PeakOfHost, double Idle);

/// <summary>What one way of copying came to with so many hosts, or so many files: medians of its laps.</summary>
internal sealed record Result(string Name, int At, IReadOnlyList<Lap> Laps)
{
    public double Of(Func<Lap, double> value) => Verdict.Median(Laps.Select(value));
}
