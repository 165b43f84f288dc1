using System.Globalization;
using DatasetCache.Eviction;

namespace DatasetCache.Bench.Trace;

/// <summary>How a host of a replayed trace chooses who goes.</summary>
/// <param name="LowMark">What it evicts down to when something does not fit, as a share of its capacity.</param>
/// <param name="Ttl">Null: the least recently used goes, and nothing else counts.</param>
internal sealed record TracePolicy(string Name, double LowMark, AdaptiveTtl? Ttl)
{
    private static readonly CacheOptions Defaults = new() { Root = "" };

    /// <summary>As the cache is, with its defaults.</summary>
    public static TracePolicy Ours { get; } = new("adaptive TTL + LRU", Defaults.LowMarkPercent / 100, new AdaptiveTtl(Defaults.BaseTtl, Defaults.MaxTtl));

    /// <summary>Without the low mark: evicts no more than it must.</summary>
    public static TracePolicy OursExact { get; } = Ours with { Name = "the same, low mark 100 %", LowMark = 1 };

    public static TracePolicy PlainLru { get; } = new("plain LRU", 1, null);
}

/// <summary>
/// One host's cache while a trace is replayed: bytes and moments only, no files. Who goes first is the real <see cref="EvictionOrder"/>, by the real <see cref="AdaptiveTtl"/> and
/// <see cref="Usage"/>; how much goes is what <c>SpaceLedger</c> asks for; what a running job holds stays.
/// </summary>
/// <param name="heldElsewhere">Whether another host has a dataset.</param>
internal sealed class TraceHost(long capacity, TracePolicy policy, Func<int, bool> heldElsewhere)
{
    private readonly Dictionary<int, (long Bytes, Usage Usage)> entries = [];
    private readonly List<(int Dataset, DateTimeOffset Until)> leases = [];
    private long used;

    public bool Holds(int dataset) => entries.ContainsKey(dataset);

    public int Running(DateTimeOffset now) => leases.Count(lease => lease.Until > now);

    /// <summary>When one of so many slots is free.</summary>
    public DateTimeOffset FreeAt(int slots, DateTimeOffset now)
        => Running(now) < slots ? now : leases.Where(lease => lease.Until > now).Select(lease => lease.Until).OrderDescending().ElementAt(slots - 1);

    /// <summary>A job starts.</summary>
    /// <returns>Whether its dataset was there.</returns>
    public bool Use(int dataset, long bytes, DateTimeOffset now, DateTimeOffset until)
    {
        leases.RemoveAll(lease => lease.Until <= now);
        var isHit = entries.TryGetValue(dataset, out var entry);
        if (!isHit && !MakeRoom(bytes, now))
            return false;
        if (!isHit)
            used += bytes;
        entries[dataset] = (bytes, (isHit ? entry.Usage : default).Touch(now, policy.Ttl?.Base ?? TimeSpan.FromHours(24)));
        leases.Add((dataset, until));
        return isHit;
    }

    private bool MakeRoom(long bytes, DateTimeOffset now)
    {
        if (used + bytes <= capacity)
            return true;
        var held = leases.Select(lease => lease.Dataset).ToHashSet();
        if (entries.Where(entry => held.Contains(entry.Key)).Sum(entry => entry.Value.Bytes) + bytes > capacity)
            return false;
        var mark = (long)(capacity * policy.LowMark);
        var target = bytes > mark ? capacity : mark;
        var order = EvictionOrder.Sort(entries.Where(entry => !held.Contains(entry.Key)).Select(entry => Candidate(entry.Key, entry.Value.Bytes, entry.Value.Usage)), now);
        foreach (var candidate in order.ToArray())
        {
            if (used + bytes <= target)
                break;
            entries.Remove(int.Parse(candidate.CacheKey, CultureInfo.InvariantCulture));
            used -= candidate.Bytes;
        }
        return true;
    }

    private EvictionCandidate Candidate(int dataset, long bytes, Usage usage) => new(dataset.ToString("d6", CultureInfo.InvariantCulture), usage.LastUsed,
        policy.Ttl?.ExpiresAt(usage) ?? DateTimeOffset.MaxValue, policy.Ttl is not null && heldElsewhere(dataset), bytes, policy.Ttl is null ? 1 : usage.Uses);
}
