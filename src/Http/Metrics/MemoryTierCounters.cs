namespace DatasetCache.Http.Metrics;

/// <summary>What the memory tier (L1) in front of the disk has done, and how full it is.</summary>
internal sealed record MemoryTierCounters
{
    /// <summary>There is none.</summary>
    public static MemoryTierCounters None { get; } = new();

    /// <summary>Files answered from memory.</summary>
    public long Hits { get; init; }

    /// <summary>Files that might have been in memory and were not.</summary>
    public long Misses { get; init; }

    /// <summary>Requests that waited for another's load of the same file.</summary>
    public long Joined { get; init; }

    public long Evictions { get; init; }

    /// <summary>Bytes answered from memory.</summary>
    public long ServedBytes { get; init; }

    /// <summary>Bytes that are really allocated.</summary>
    public long UsedBytes { get; init; }

    /// <summary>The most that may be; 0 where there is no memory tier.</summary>
    public long LimitBytes { get; init; }
}
