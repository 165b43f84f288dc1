using DatasetCache.Eviction;

namespace DatasetCache;

// Settings that a daemon takes over while it runs.
public sealed partial class LocalDatasetCache
{
    /// <summary>What it goes by now.</summary>
    internal CacheOptions Options => options;

    internal AdaptiveTtl Ttl => new(options.BaseTtl, options.MaxTtl);

    /// <summary>
    /// Goes by another quota, low mark, floor, time to live, freshness and pace of scrubbing from now on; all other settings stay as the cache was opened with. Entries above a
    /// smaller quota go with the next round of <see cref="MaintainAsync(CancellationToken)"/> or the next download.
    /// </summary>
    internal void Change(CacheOptions to)
    {
        options = options with
        {
            MaxSize = to.MaxSize,
            LowMarkPercent = to.LowMarkPercent,
            MinFree = to.MinFree,
            BaseTtl = to.BaseTtl,
            MaxTtl = to.MaxTtl,
            FreshnessTtl = to.FreshnessTtl,
            MaxStale = to.MaxStale,
            ScrubPeriod = to.ScrubPeriod,
            ScrubRate = to.ScrubRate,
        };
        space.Change(options);
        entries.UsageHalfLife = options.BaseTtl;
        index.Change(Ttl);
    }
}
