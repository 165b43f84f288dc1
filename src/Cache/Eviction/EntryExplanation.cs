namespace DatasetCache.Eviction;

/// <summary>Why an entry is kept, and when it could go.</summary>
/// <param name="Protections">While any of these holds it stays, whatever the need.</param>
/// <param name="Ttl">How long after its last use it counts as fresh, as of now.</param>
/// <param name="ExpiresAt">When it goes to the front of the order, if nobody uses it again.</param>
/// <param name="FreeableBytes">What the disk would get back now.</param>
/// <param name="ChargedBytes">What of the quota it is charged for.</param>
/// <param name="Rank">Its place among all entries in the order of eviction, from 1, protected ones included.</param>
/// <param name="Entries">How many entries there are.</param>
/// <param name="UnprotectedBytesBefore">How many charged bytes of unprotected entries would go before it.</param>
/// <param name="Space">How full the cache is: nothing is evicted before something does not fit.</param>
public sealed record EntryExplanation(
    string CacheKey, IReadOnlyList<Protection> Protections, DateTimeOffset LastUsedAt, double RecentUses, TimeSpan Ttl, DateTimeOffset ExpiresAt, bool IsExpired,
    long FreeableBytes, long ChargedBytes, int Rank, int Entries, long UnprotectedBytesBefore, SpaceReport Space)
{
    /// <summary>What an operator said of its place in the order.</summary>
    public EntryPriority Priority { get; init; } = EntryPriority.Normal;
}

/// <summary>Which entries to prune; protected ones stay in any case.</summary>
public sealed record PruneFilter
{
    /// <summary>Those not used for so long.</summary>
    public TimeSpan? OlderThan { get; init; }

    /// <summary>Those whose TTL has passed.</summary>
    public bool Expired { get; init; }

    /// <summary>
    /// What belongs to no entry any more: downloads that nobody resumed, quarantined trees, trees and small files without their other half, records of
    /// job links that are gone.
    /// </summary>
    public bool Orphaned { get; init; }

    /// <summary>All of it.</summary>
    public bool All { get; init; }
}

/// <summary>What pruning did, or with a dry run would do.</summary>
/// <param name="Evicted">Entries that are gone.</param>
/// <param name="Kept">Entries that the filter named and something protects.</param>
/// <param name="Orphans">Leftovers removed.</param>
public sealed record PruneReport(IReadOnlyList<EvictionResult> Evicted, IReadOnlyList<EvictionResult> Kept, int Orphans)
{
    public long FreedBytes => Evicted.Sum(entry => entry.FreedBytes);
}
