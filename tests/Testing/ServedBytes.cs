using System.Globalization;

namespace DatasetCache.Testing;

/// <summary>Which bytes of which objects went out, so that a test can tell what was read twice.</summary>
public sealed class ServedBytes
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, List<(long From, long To)>> ranges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> readers = new(StringComparer.Ordinal);
    private readonly List<Mark> marks = [];
    private long total;

    /// <summary>Body bytes of objects, all keys.</summary>
    public long Total => Volatile.Read(ref total);

    public IReadOnlyCollection<string> Keys
    {
        get
        {
            lock (gate)
                return [.. ranges.Keys];
        }
    }

    /// <summary>The ranges of one object, [From, To), in the order in which they began.</summary>
    public IReadOnlyList<(long From, long To)> Of(string key)
    {
        lock (gate)
            return ranges.TryGetValue(key, out var served) ? [.. served] : [];
    }

    /// <summary>Every range that went out, and by whose access key it was asked for.</summary>
    public IReadOnlyList<(string Key, long From, long To, string Reader)> All
    {
        get
        {
            lock (gate)
                return [.. ranges.SelectMany(entry => entry.Value.Select((range, i) => (entry.Key, range.From, range.To, readers[entry.Key][i])))];
        }
    }

    /// <summary>How many bytes went out more than once, over all objects.</summary>
    public long Repeated
    {
        get
        {
            lock (gate)
                return ranges.Values.Sum(RepeatedIn);
        }
    }

    /// <summary>Says what was served twice, for a test's message.</summary>
    public override string ToString()
    {
        lock (gate)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{total} bytes of {ranges.Count} objects; served twice: ")
                + string.Join("; ", ranges.Where(entry => RepeatedIn(entry.Value) > 0).Take(10)
                    .Select(entry => $"{entry.Key} {string.Join(' ', entry.Value.Select(range => $"{range.From}-{range.To}"))}"));
        }
    }

    public void Reset()
    {
        lock (gate)
        {
            ranges.Clear();
            readers.Clear();
            total = 0;
        }
    }

    /// <summary>Completes when so many body bytes went out in all, counted from the last <see cref="Reset"/>.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="hold">What keeps every body where it is from then on; null lets them go on.</param>
    public Task When(long bytes, Task? hold = null)
    {
        var mark = new Mark(bytes, hold);
        lock (gate)
        {
            if (total >= bytes)
                mark.Reached.TrySetResult();
            else
                marks.Add(mark);
        }
        return mark.Reached.Task;
    }

    internal int Begin(string key, long offset, string reader)
    {
        lock (gate)
        {
            if (!ranges.TryGetValue(key, out var served))
            {
                ranges[key] = served = [];
                readers[key] = [];
            }
            served.Add((offset, offset));
            readers[key].Add(reader);
            return served.Count - 1;
        }
    }

    /// <summary>How many of <paramref name="wanted"/> bytes may go out before the next mark, at least one unless it is reached and holds.</summary>
    internal (int Allowed, Task? Hold) Claim(string key, int range, int wanted)
    {
        lock (gate)
        {
            if (marks.Find(mark => mark.Reached.Task.IsCompleted && mark.Hold is { IsCompleted: false }) is { } holding)
                return (0, holding.Hold);
            var next = marks.Where(mark => mark.Bytes > total).Select(mark => mark.Bytes).DefaultIfEmpty(long.MaxValue).Min();
            var allowed = (int)Math.Min(wanted, next - total);
            total += allowed;
            if (ranges.TryGetValue(key, out var served) && range < served.Count)
                served[range] = (served[range].From, served[range].To + allowed);
            return (allowed, null);
        }
    }

    /// <summary>Tells marks of bytes that were sent.</summary>
    internal void Sent()
    {
        lock (gate)
        {
            foreach (var mark in marks.Where(mark => mark.Bytes <= total))
                mark.Reached.TrySetResult();
        }
    }

    private static long RepeatedIn(List<(long From, long To)> served)
    {
        var (repeated, end) = (0L, 0L);
        foreach (var (from, to) in served.Order())
        {
            repeated += Math.Max(0, Math.Min(end, to) - from);
            end = Math.Max(end, to);
        }
        return repeated;
    }

    private sealed record Mark(long Bytes, Task? Hold)
    {
        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
