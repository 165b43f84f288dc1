using DatasetCache.Statistics;

namespace DatasetCache.Grains;

/// <summary>Adds up what nodes say that their caches did.</summary>
internal static class UsageSum
{
    public static UsageMessage Of(IReadOnlyCollection<UsageMessage> nodes) => new()
    {
        Days =
        [
            .. nodes.SelectMany(node => node.Days)
                .GroupBy(day => day.Day, day => day.Tally)
                .OrderBy(day => day.Key)
                .Select(day => new DayMessage(day.Key, Sum(day))),
        ],
        Keys =
        [
            .. nodes.SelectMany(node => node.Keys)
                .GroupBy(key => key.CacheKey, key => key.Tally, StringComparer.Ordinal)
                .Select(key => new KeyUsageMessage(key.Key, Sum(key)))
                .OrderByDescending(key => key.Tally.Hits + key.Tally.Misses)
                .ThenBy(key => key.CacheKey, StringComparer.Ordinal),
        ],
    };

    private static TallyMessage Sum(IEnumerable<TallyMessage> tallies) => tallies.Aggregate(default(UsageTally), (sum, tally) => sum + tally.ToTally()).ToMessage();
}
