namespace DatasetCache.Bench.Trace;

/// <summary>A job that wants one dataset.</summary>
/// <param name="Arrives">Since the trace's start.</param>
/// <param name="Lasts">How long it holds the dataset.</param>
/// <param name="Host">Where it goes where nobody hints.</param>
internal sealed record TracedJob(int Number, TimeSpan Arrives, TimeSpan Lasts, int Dataset, int Host);

/// <summary>What a trace is made of. The same numbers give the same trace on every machine.</summary>
/// <param name="Exponent">Of Zipf's law: the dataset of rank r is chosen in proportion to r^-Exponent.</param>
/// <param name="Length">From the first job to the last, about.</param>
/// <param name="Drifts">Every 50 jobs a fifth of the ranks is dealt anew: yesterday's favourites are not today's.</param>
internal sealed record TraceShape(double Exponent, TimeSpan Length, bool Drifts, int Seed, int Hosts, int Jobs = 500, int Datasets = 200);

internal sealed class JobTrace
{
    private const int DriftEvery = 50, DriftShare = 5, AtOnce = 8;
    private const long Least = 2L << 30, Most = 40L << 30;

    private JobTrace(TraceShape shape, long[] sizes, TracedJob[] jobs) => (Shape, Sizes, Jobs) = (shape, sizes, jobs);

    public TraceShape Shape { get; }

    /// <summary>Bytes of each dataset, 2 to 40 GiB, as many in each doubling.</summary>
    public IReadOnlyList<long> Sizes { get; }

    public IReadOnlyList<TracedJob> Jobs { get; }

    /// <summary>What all jobs together want: each dataset once.</summary>
    public long WorkingSet => Jobs.Select(job => job.Dataset).Distinct().Sum(dataset => Sizes[dataset]);

    public static JobTrace Make(TraceShape shape)
    {
        var random = new Random(shape.Seed);
        var sizes = new long[shape.Datasets];
        for (var i = 0; i < sizes.Length; i++)
            sizes[i] = (long)(Least * Math.Pow((double)Most / Least, random.NextDouble()));
        var byRank = Enumerable.Range(0, shape.Datasets).ToArray();
        random.Shuffle(byRank);
        var upTo = new double[shape.Datasets];
        var sum = 0.0;
        for (var rank = 0; rank < upTo.Length; rank++)
            upTo[rank] = sum += Math.Pow(rank + 1, -shape.Exponent);
        var between = shape.Length / shape.Jobs;
        var (now, jobs) = (TimeSpan.Zero, new TracedJob[shape.Jobs]);
        for (var i = 0; i < jobs.Length; i++)
        {
            if (shape.Drifts && i > 0 && i % DriftEvery == 0)
                Deal(byRank, random);
            var found = Array.BinarySearch(upTo, random.NextDouble() * sum);
            // Eight jobs run at a time as a rule.
            jobs[i] = new TracedJob(i, now, between * AtOnce * Exponential(random), byRank[found < 0 ? ~found : found], random.Next(shape.Hosts));
            now += between * Exponential(random);
        }
        return new JobTrace(shape, sizes, jobs);
    }

    private static double Exponential(Random random) => -Math.Log(1 - random.NextDouble());

    private static void Deal(int[] byRank, Random random)
    {
        var places = Enumerable.Range(0, byRank.Length).ToArray();
        random.Shuffle(places);
        places = places[..(byRank.Length / DriftShare)];
        var dealt = Array.ConvertAll(places, place => byRank[place]);
        random.Shuffle(dealt);
        for (var i = 0; i < places.Length; i++)
            byRank[places[i]] = dealt[i];
    }
}
