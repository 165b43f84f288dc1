namespace DatasetCache.Statistics;

/// <summary>What the cache did, added up. Bytes are those of files, as their origin counts them, except where it says otherwise.</summary>
public readonly record struct UsageTally
{
    /// <summary>Acquisitions that were answered from disk, or by another caller's download.</summary>
    public long Hits { get; init; }

    /// <summary>Acquisitions for which a download had to be made.</summary>
    public long Misses { get; init; }

    /// <summary>Downloads that ended in an error or were interrupted.</summary>
    public long Failures { get; init; }

    /// <summary>Bytes of the datasets that hits and misses handed out.</summary>
    public long BytesServed { get; init; }

    /// <summary>Body bytes read from origins: failed downloads, repeats and prefetches are in it. What a killed process had read is not.</summary>
    public long BytesFromOrigin { get; init; }

    /// <summary>Bytes handed out that were not read from an origin for it: all of a hit; of a miss what was on this host already.</summary>
    public long BytesSaved { get; init; }

    /// <summary>Entries evicted, for space or because somebody asked.</summary>
    public long Evictions { get; init; }

    /// <summary>Bytes of the disk that evictions freed.</summary>
    public long BytesEvicted { get; init; }

    public long Requests => Hits + Misses;

    /// <summary>Hits per request, 0 to 1; null without requests.</summary>
    public double? HitRate => Requests == 0 ? null : (double)Hits / Requests;

    public static UsageTally operator +(UsageTally a, UsageTally b) => new()
    {
        Hits = a.Hits + b.Hits,
        Misses = a.Misses + b.Misses,
        Failures = a.Failures + b.Failures,
        BytesServed = a.BytesServed + b.BytesServed,
        BytesFromOrigin = a.BytesFromOrigin + b.BytesFromOrigin,
        BytesSaved = a.BytesSaved + b.BytesSaved,
        Evictions = a.Evictions + b.Evictions,
        BytesEvicted = a.BytesEvicted + b.BytesEvicted,
    };

    public static UsageTally Add(UsageTally left, UsageTally right) => left + right;
}

/// <summary>One day, from midnight to midnight UTC.</summary>
public sealed record DayStatistics(DateOnly Day, UsageTally Tally);

/// <summary>One cache key over all days that were asked for. It need not be in the cache any more.</summary>
public sealed record EntryStatistics(string CacheKey, UsageTally Tally);

/// <summary>What a cache did over some days.</summary>
/// <param name="Days">Days on which anything happened, the oldest first.</param>
/// <param name="Entries">By requests, the most used first. Of days that are long past only the most used keys are known.</param>
public sealed record UsageStatistics(DateOnly From, DateOnly To, UsageTally Total, IReadOnlyList<DayStatistics> Days, IReadOnlyList<EntryStatistics> Entries);
