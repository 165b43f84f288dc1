namespace DatasetCache.Eviction;

/// <summary>An entry as the order of eviction sees it.</summary>
/// <param name="HeldElsewhere">Whether another node of a cluster has it too.</param>
/// <param name="Bytes">What it is charged for: no more than this is freed by evicting it.</param>
/// <param name="Priority">What an operator said.</param>
internal readonly record struct EvictionCandidate(
    string CacheKey, DateTimeOffset LastUsed, DateTimeOffset ExpiresAt, bool HeldElsewhere, long Bytes, EntryPriority Priority = EntryPriority.Normal);

/// <summary>
/// Who goes first: those of low priority, then the normal ones, then those of high priority. Among each of these expired entries, then those that another node also
/// holds, then the others; within each the least recently used. Protection is not its business: what it names is looked at before it goes.
/// </summary>
internal static class EvictionOrder
{
    private const int Classes = 3;

    public static EvictionRank RankOf(EvictionCandidate candidate, DateTimeOffset now)
        => new(((int)candidate.Priority * Classes) + (candidate.ExpiresAt <= now ? 0 : candidate.HeldElsewhere ? 1 : 2), candidate.LastUsed.UtcTicks, candidate.CacheKey);

    public static IEnumerable<EvictionCandidate> Sort(IEnumerable<EvictionCandidate> candidates, DateTimeOffset now)
        => candidates.OrderBy(candidate => RankOf(candidate, now));
}

/// <summary>The lower goes first. The key decides between equals, so that every process has the same order.</summary>
internal readonly record struct EvictionRank(int Class, long LastUsedTicks, string CacheKey) : IComparable<EvictionRank>
{
    public int CompareTo(EvictionRank other)
    {
        var order = Class.CompareTo(other.Class);
        if (order == 0)
            order = LastUsedTicks.CompareTo(other.LastUsedTicks);
        return order != 0 ? order : string.CompareOrdinal(CacheKey, other.CacheKey);
    }

    public static bool operator <(EvictionRank left, EvictionRank right) => left.CompareTo(right) < 0;

    public static bool operator >(EvictionRank left, EvictionRank right) => left.CompareTo(right) > 0;

    public static bool operator <=(EvictionRank left, EvictionRank right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EvictionRank left, EvictionRank right) => left.CompareTo(right) >= 0;
}
