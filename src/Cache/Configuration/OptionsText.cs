using System.Globalization;

namespace DatasetCache.Configuration;

/// <summary>Options as a person would have written them, so that one parser judges them wherever they come from.</summary>
internal static class OptionsText
{
    public static IEnumerable<(string Name, string Text)> Of(CacheOptions options) =>
    [
        (SettingTable.CacheRoot, options.Root),
        (SettingTable.CacheSharedRoot, string.Join(':', options.SharedRoots)),
        (SettingTable.CacheMaxSize, Text(options.MaxSize)),
        (SettingTable.CacheLowMark, Text(options.LowMarkPercent) + "%"),
        (SettingTable.CacheMinFree, options.MinFree.ToString()),
        (SettingTable.CacheDurable, options.Durable ? "true" : "false"),
        (SettingTable.EvictionBaseTtl, Text(options.BaseTtl)),
        (SettingTable.EvictionMaxTtl, Text(options.MaxTtl)),
        (SettingTable.TransferConcurrency, Text(options.Concurrency)),
        (SettingTable.TransferAttempts, Text(options.Attempts)),
        (SettingTable.TransferStallTimeout, Text(options.StallTimeout)),
        (SettingTable.LockTimeout, Text(options.LockTimeout)),
        (SettingTable.FreshnessTtl, Text(options.FreshnessTtl)),
        (SettingTable.FreshnessMaxStale, Text(options.MaxStale)),
        (SettingTable.ScrubPeriod, Text(options.ScrubPeriod)),
        (SettingTable.ScrubRate, Text(options.ScrubRate)),
        (SettingTable.Strict, options.Strict ? "true" : "false"),
        (SettingTable.Offline, options.Offline ? "true" : "false"),
        (SettingTable.OriginDatasetPath, options.DatasetPathTemplate),
    ];

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    // The largest unit that leaves a whole number; whoever wrote hours wants to read hours.
    private static string Text(TimeSpan duration)
    {
        var milliseconds = (decimal)duration.Ticks / TimeSpan.TicksPerMillisecond;
        foreach (var (unit, factor) in ((string, decimal)[])[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)])
        {
            if (milliseconds != 0 && milliseconds % factor == 0)
                return Text(milliseconds / factor) + unit;
        }
        return Text(milliseconds) + "ms";
    }
}
