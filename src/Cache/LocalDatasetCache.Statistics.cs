using DatasetCache.Statistics;

namespace DatasetCache;

// What the cache did, for whoever wonders whether it is worth its disk.
public sealed partial class LocalDatasetCache
{
    private readonly StatisticsLog statistics;

    /// <summary>Adds up what all processes on this root did on the days from <paramref name="from"/> to <paramref name="to"/> (UTC, both included).</summary>
    /// <exception cref="StorageException">The records cannot be read.</exception>
    public UsageStatistics Statistics(DateOnly from, DateOnly to) => statistics.Read(from, to);
}
