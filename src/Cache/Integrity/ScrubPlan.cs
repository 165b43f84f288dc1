using DatasetCache.Eviction;

namespace DatasetCache.Integrity;

/// <summary>
/// What there is to go through, as of now: entries come and go, so that what has passed is never a counter but what lies before the place where the
/// scrubber stands.
/// </summary>
internal sealed class ScrubPlan(EntryIndex index, TimeProvider time)
{
    // A file costs its opening too, an empty one as well.
    private const long WeightOfFile = 4096;
    private static readonly TimeSpan RefreshEvery = TimeSpan.FromSeconds(5);
    private (string Key, long Before, long Weight)[] parts = [];
    private long total;
    private long read;

    public static long WeightOf(long size) => size + WeightOfFile;

    public void RefreshIfOld()
    {
        if (time.GetElapsedTime(read) >= RefreshEvery)
            Refresh();
    }

    public void Refresh()
    {
        index.Refresh();
        read = time.GetTimestamp();
        total = 0;
        var records = index.Records().OrderBy(record => record.CacheKey, StringComparer.Ordinal).ToArray();
        parts = new (string, long, long)[records.Length];
        for (var i = 0; i < records.Length; i++)
        {
            var weight = records[i].Bytes + (WeightOfFile * records[i].Files);
            parts[i] = (records[i].CacheKey, total, weight);
            total += weight;
        }
    }

    /// <summary>The entry to work on; null where all have been gone through.</summary>
    public string? Next(ScrubState state)
    {
        var at = IndexOf(state.Key);
        if (at >= 0 && !state.IsThrough)
            return state.Key;
        var next = at >= 0 ? at + 1 : ~at;
        return next < parts.Length ? parts[next].Key : null;
    }

    /// <summary>How much lies before the place where the scrubber stands, as a share of all.</summary>
    public double Passed(ScrubState state) => state.Ended is not null || total == 0 ? 1 : Before(state) / (double)total;

    /// <summary>What is left of the share that is due; a file more than that is no harm.</summary>
    public long Budget(ScrubState state, double due)
    {
        // At the end everything: rounding must not leave a file.
        var target = due >= 1 ? long.MaxValue : (long)(due * total);
        return target == long.MaxValue ? target : target - Before(state);
    }

    /// <summary>When this cycle ends: with its period, or later where the rate does not allow for that.</summary>
    public DateTimeOffset EndsAt(ScrubState state, TimeSpan period, long rate, DateTimeOffset now)
    {
        var needed = rate <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min((total - Before(state)) / (double)rate, TimeSpan.FromDays(36500).TotalSeconds));
        var planned = state.IsAll ? now : state.Started + period;
        return now + needed > planned ? now + needed : planned;
    }

    private long Before(ScrubState state)
    {
        var at = IndexOf(state.Key);
        if (at < 0)
            return ~at < parts.Length ? parts[~at].Before : total;
        return parts[at].Before + (state.IsThrough ? parts[at].Weight : Math.Min(state.Weight, parts[at].Weight));
    }

    private int IndexOf(string key)
    {
        var (low, high) = (0, parts.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(parts[middle].Key, key);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }
}
