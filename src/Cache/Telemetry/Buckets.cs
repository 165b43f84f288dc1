using System.Diagnostics.Metrics;

namespace DatasetCache.Telemetry;

/// <summary>The bounds of histograms, in seconds.</summary>
internal static class Buckets
{
    /// <summary>From a hit in a fraction of a millisecond to a download of an hour.</summary>
    public static readonly InstrumentAdvice<double> Acquire = Of(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600);

    /// <summary>From a few files to a terabyte over a slow line.</summary>
    public static readonly InstrumentAdvice<double> Download = Of(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400);

    /// <summary>An answer's head, from a store next door to one that is about to be given up.</summary>
    public static readonly InstrumentAdvice<double> Request = Of(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30);

    private static InstrumentAdvice<double> Of(params double[] bounds) => new() { HistogramBucketBoundaries = bounds };
}
