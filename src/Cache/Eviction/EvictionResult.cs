namespace DatasetCache.Eviction;

public enum EvictionOutcome
{
    /// <summary>It is gone, or with a dry run would be.</summary>
    Evicted,
    /// <summary>It stays: see <see cref="EvictionResult.Protections"/>.</summary>
    Protected,
    /// <summary>There is no such entry.</summary>
    NotFound,
    /// <summary>It stays, because all its files live on in other entries and only space was asked for.</summary>
    FreesNothing,
}

/// <summary>What came of evicting one entry.</summary>
/// <param name="FreedBytes">What the disk got back: files that other entries share are not in it.</param>
public sealed record EvictionResult(string CacheKey, EvictionOutcome Outcome, long FreedBytes, IReadOnlyList<Protection> Protections);

/// <summary>Why an entry was evicted.</summary>
public enum EvictionCause
{
    /// <summary>Its space was needed.</summary>
    Space,
    /// <summary>Somebody named it.</summary>
    Asked,
    /// <summary>It fell under what somebody wanted pruned.</summary>
    Pruned,
}

/// <summary>An entry was evicted by this process.</summary>
public sealed class EntryEvictedEventArgs(string cacheKey, long freedBytes, EvictionCause cause) : EventArgs
{
    public string CacheKey { get; } = cacheKey;

    public long FreedBytes { get; } = freedBytes;

    public EvictionCause Cause { get; } = cause;
}
