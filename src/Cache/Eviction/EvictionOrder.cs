namespace DatasetCache.Eviction;

/// <summary>An entry as the order of eviction sees it.</summary>
/// <param name="HeldElsewhere">Whether another node of a cluster has it too.</param>
/// <param name="Bytes">What it is charged for: no more than this is freed by evicting it.</param>
/// <param name="Uses">How often it has been used since it is here.</param>
/// <param name="Priority">What an operator said.</param>
internal readonly record struct EvictionCandidate(
    string CacheKey, DateTimeOffset LastUsed, DateTimeOffset ExpiresAt, bool HeldElsewhere, long Bytes, long Uses = 0, EntryPriority Priority = EntryPriority.Normal);

/// <summary>
/// Who goes first: those of low priority, then the normal ones, then those of high priority. Among each of these expired entries, then the others; within each the one that has gone unused
/// for longest, measured by how often it was used before and by whether another node has it too. Protection is not its business: what it names is looked at before it goes.
/// </summary>
/// <remarks>
/// By <c>bench/race trace</c>, which has the figures: plain LRU is better than what another node holds going before everything else, and level with this. Uses count by their logarithm, so that
/// no past is long enough to keep what nobody wants any more.
/// </remarks>
internal static class EvictionOrder
{
    private const int Classes = 2;
    // A copy from a neighbour costs less than one from the origin, and more than none.
    private const double Elsewhere = 1.25;

    public static EvictionRank RankOf(EvictionCandidate candidate, DateTimeOffset now)
        => new(((int)candidate.Priority * Classes) + (candidate.ExpiresAt <= now ? 0 : 1), Wear(candidate, now), candidate.CacheKey);

    private static double Wear(EvictionCandidate candidate, DateTimeOffset now)
        => (now - candidate.LastUsed).Ticks / (1 + Math.Log2(Math.Max(1, candidate.Uses))) * (candidate.HeldElsewhere ? Elsewhere : 1);

    public static IEnumerable<EvictionCandidate> Sort(IEnumerable<EvictionCandidate> candidates, DateTimeOffset now)
        => candidates.OrderBy(candidate => RankOf(candidate, now));
}

/// <summary>The lower goes first, and of a class the most worn. The key decides between equals, so that every process has the same order.</summary>
/// <param name="Wear">Grows with the time in which nobody uses it, and by nothing else.</param>
internal readonly record struct EvictionRank(int Class, double Wear, string CacheKey) : IComparable<EvictionRank>
{
    public int CompareTo(EvictionRank other)
    {
        var order = Class.CompareTo(other.Class);
        if (order == 0)
            order = other.Wear.CompareTo(Wear);
        return order != 0 ? order : string.CompareOrdinal(CacheKey, other.CacheKey);
    }

    public static bool operator <(EvictionRank left, EvictionRank right) => left.CompareTo(right) < 0;

    public static bool operator >(EvictionRank left, EvictionRank right) => left.CompareTo(right) > 0;

    public static bool operator <=(EvictionRank left, EvictionRank right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EvictionRank left, EvictionRank right) => left.CompareTo(right) >= 0;
}
