namespace DatasetCache.Eviction;

/// <summary>
/// How long an entry is worth keeping after its last use: <c>min(Max, Base × (1 + log2(1 + recentUses)))</c>, where recent uses count half as
/// much for every base TTL that has passed. An entry that expired is the first to go when space is needed; nothing goes for being expired alone.
/// </summary>
internal readonly record struct AdaptiveTtl(TimeSpan Base, TimeSpan Max)
{
    public TimeSpan Of(Usage usage, DateTimeOffset now)
    {
        // A clock that was set back makes nothing older than it is.
        var age = Math.Max(0, (now - usage.LastUsed) / Base);
        return Of(usage.RecentUses, age);
    }

    private TimeSpan Of(double recentUses, double age)
    {
        var bases = 1 + Math.Log2(1 + (recentUses * Math.Pow(0.5, age)));
        return bases >= Max / Base ? Max : Base * bases;
    }

    /// <summary>When an entry expires that nobody uses again: the one moment at which its age reaches its shrinking TTL.</summary>
    public DateTimeOffset ExpiresAt(Usage usage)
    {
        var (early, late) = (0.0, Of(usage.RecentUses, 0) / Base);
        // Age grows and TTL shrinks: they meet once. Forty halvings of some days are below a microsecond.
        for (var i = 0; i < 40; i++)
        {
            var middle = (early + late) / 2;
            if (Of(usage.RecentUses, middle) / Base > middle)
                early = middle;
            else
                late = middle;
        }
        return usage.LastUsed + (Base * late);
    }
}
