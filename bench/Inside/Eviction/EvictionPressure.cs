using System.Globalization;
using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Bench.Eviction;

/// <summary>What a full cache costs those who use it: the decision who goes, a miss that must evict, and a hit beside such misses.</summary>
public static class EvictionPressure
{
    private const double MostDecision = 1, MostGrowth = 1.5;
    private const int Decisions = 200, Few = 10, Many = 10_000;

    private sealed record Row(int Entries, Latencies Decision, Latencies QuietHit, Latencies BusyHit, Latencies Miss);

    /// <returns>Whether the bounds are kept: a decision at 10,000 entries takes 1 ms (p50), and a miss and a hit take no more than 1.5 times what they take at 10.</returns>
    public static async Task<bool> RunAsync(int misses)
    {
        Console.WriteLine($"A full cache: every miss evicts one entry (low mark 100 %). {misses} misses, hits beside them; bounds: decision p50 {MostDecision} ms at {Many:N0} entries, misses and hits p50 {MostGrowth} x those at {Few}.");
        Console.WriteLine();
        Console.WriteLine($"{"entries",8}  {"what",-28} {"p50 ms",8} {"p99 ms",8} {"max ms",8}");
        var (few, many) = (await RunAsync(Few, misses), await RunAsync(Many, misses));
        Console.WriteLine();
        var within = many.Decision.Median <= MostDecision;
        foreach (var (name, at) in (ReadOnlySpan<(string, Func<Row, Latencies>)>)[("miss that evicts", row => row.Miss), ("hit beside them", row => row.BusyHit)])
        {
            var growth = at(many).Median / at(few).Median;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {growth:0.00} x at {Many:N0} entries"));
            within &= growth <= MostGrowth;
        }
        Console.WriteLine(within ? "within the bounds" : "MISSED a bound");
        return within;
    }

    private static async Task<Row> RunAsync(int entries, int misses)
    {
        await using var filled = await FilledCache.CreateAsync(files: 10, entries);
        await filled.AcquireAsync();
        // The one that is measured by hits must not be the one that goes.
        await using (var keeper = filled.Open())
            keeper.Pin(keeper.List().Single(entry => string.Equals(entry.DatasetId, "measured", StringComparison.Ordinal)).CacheKey);
        var used = filled.Cache.Space().Entries;
        await using var full = filled.Open(options => options with { MaxSize = used + 4096, LowMarkPercent = 100 });
        var row = new Row(entries, Decide(filled), new(misses), new(misses), new(misses));

        for (var i = 0; i < misses; i++)
            await row.QuietHit.MeasureAsync(() => filled.AcquireAsync());
        // The first reads all entries; the room that is left then is used up.
        for (var i = 0; i < 3; i++)
            await MissAsync(i);
        var missing = Task.Run(async () =>
        {
            for (var i = 3; i < misses + 3; i++)
                await row.Miss.MeasureAsync(() => MissAsync(i));
        });
        while (!missing.IsCompleted)
            await row.BusyHit.MeasureAsync(() => filled.AcquireAsync());
        await missing;
        foreach (var (name, taken) in (ReadOnlySpan<(string, Latencies)>)[("decision", row.Decision), ("hit, nothing else happens", row.QuietHit), ("hit beside misses", row.BusyHit), ("miss that evicts one", row.Miss)])
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entries,8}  {name,-28} {taken.Median,8:0.000} {taken.P99,8:0.000} {taken.Max,8:0.000}"));
        return row;

        async Task MissAsync(int number)
        {
            if (await filled.AcquireOtherAsync(entries + number, full) != AcquireOutcome.Miss)
                throw new InvalidOperationException("A hit where a miss was to be measured.");
        }
    }

    // Who goes first, asked anew each time, as Pressure asks: whether anything has changed, the order, the first's usage and what protects it.
    private static Latencies Decide(FilledCache filled)
    {
        using var root = CacheRoot.Open(filled.Root);
        var entries = new EntryStore(root, TimeProvider.System);
        var index = new EntryIndex(root, entries, new AdaptiveTtl(TimeSpan.FromHours(24), TimeSpan.FromDays(30)));
        var protections = new Protections(entries, new Pins(root, entries, TimeProvider.System), new RootIndex(root, new JobRoots(root, TimeProvider.System)));
        var taken = new Latencies(Decisions);
        var queue = new EvictionQueue(index);
        Choose();
        for (var i = 0; i < Decisions; i++)
            taken.Measure(Choose);
        return taken;

        void Choose()
        {
            queue.Start();
            while (queue.Next(TimeProvider.System.GetUtcNow()) is { } candidate && protections.Of(candidate.CacheKey).Count > 0)
            {
            }
        }
    }
}
