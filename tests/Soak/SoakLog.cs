using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Soak;

/// <summary>What was done, how often, and what should not have happened.</summary>
internal sealed class SoakLog
{
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly ConcurrentDictionary<string, long> counts = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> violations = new();

    public IReadOnlyCollection<string> Violations => violations;

    public TimeSpan Elapsed => watch.Elapsed;

    public void Count(string what, long by = 1) => counts.AddOrUpdate(what, by, (_, old) => old + by);

    public void Most(string what, long value) => counts.AddOrUpdate(what, value, (_, old) => Math.Max(old, value));

    public long Of(string what) => counts.GetValueOrDefault(what);

    public void Say(string what) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds,7:0.0}  {what}"));

    public void Violate(string what)
    {
        violations.Enqueue(what);
        Say("BROKEN " + what);
    }

    /// <summary>The lines that stay.</summary>
    public void Summarize(string how)
    {
        Console.WriteLine($"soak: {how}");
        foreach (var (what, count) in counts.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"soak: {count,12:#,##0}  {what}"));
        Console.WriteLine($"soak: {(violations.IsEmpty ? "I1 to I5 held" : $"{violations.Count} times an invariant broke")}");
        foreach (var violation in violations.Take(20))
            Console.WriteLine($"soak: BROKEN {violation.Split('\n')[0]}");
    }
}
