using System.Diagnostics.Metrics;
using System.Text.Json;

namespace DatasetCache.Telemetry;

/// <summary>A number that only grows. Kept here and not in an instrument, so that it can be read at any time; instruments observe it.</summary>
internal sealed class Count
{
    private long value;

    public long Value => Interlocked.Read(ref value);

    public void Add(long more = 1) => Interlocked.Add(ref value, more);
}

/// <summary>A count for each value of an enum: the label's values are known beforehand, and so is how many series there are.</summary>
internal sealed class Counts<T>
    where T : struct, Enum
{
    private readonly T[] kinds = Enum.GetValues<T>();
    private readonly KeyValuePair<string, object?>[] labels;
    private readonly Count[] counts;

    /// <param name="label">Its values are the enum's names as the HTTP API writes them: <c>originUnreachable</c>.</param>
    public Counts(string label)
    {
        labels = [.. kinds.Select(kind => KeyValuePair.Create(label, (object?)JsonNamingPolicy.CamelCase.ConvertName(kind.ToString())))];
        counts = [.. kinds.Select(_ => new Count())];
    }

    public long Total => counts.Sum(count => count.Value);

    public void Add(T kind, long more = 1) => counts[Array.IndexOf(kinds, kind)].Add(more);

    public long Of(T kind) => counts[Array.IndexOf(kinds, kind)].Value;

    /// <summary>All of them, those that are 0 too: a rate needs to see where it began.</summary>
    public IEnumerable<Measurement<long>> Observe()
    {
        for (var i = 0; i < counts.Length; i++)
            yield return new Measurement<long>(counts[i].Value, labels[i]);
    }
}
