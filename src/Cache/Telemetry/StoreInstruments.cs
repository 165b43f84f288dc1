using System.Diagnostics.Metrics;
using DatasetCache.Eviction;

namespace DatasetCache.Telemetry;

/// <summary>What the cache takes and what it gave up. What the entries take is kept by their index, and a look at the disk is taken now and then: nothing is listed for it.</summary>
internal sealed class StoreInstruments
{
    public StoreInstruments(Meter meter, Func<(int Entries, long Bytes, long Charged)> held, Func<SpaceReport?> space)
    {
        meter.CreateObservableUpDownCounter("dataset_cache_size_bytes", () => held().Charged, "By", "What the entries take on the disk; a file that several share counts once.");
        meter.CreateObservableUpDownCounter("dataset_cache_dataset_bytes", () => held().Bytes, "By", "Bytes of the entries' files, as their origins count them.");
        meter.CreateObservableUpDownCounter("dataset_cache_entries", () => held().Entries, unit: null, "Entries in the cache.");
        Observe("dataset_cache_reserved_bytes", report => report.Reserved, "Set aside for downloads under way.");
        Observe("dataset_cache_quarantined_bytes", report => report.Quarantined, "What failed a check and waits for somebody to look at it.");
        Observe("dataset_cache_quota_bytes", report => report.Quota, "The most that entries, reservations and quarantine may take together.");
        Observe("dataset_cache_low_mark_bytes", report => report.LowMark, "Where evicting stops.");
        Observe("dataset_cache_disk_free_bytes", report => report.DiskFree, "Free on the cache's disk for the node's user.");
        Observe("dataset_cache_disk_floor_bytes", report => report.MinFree, "What must stay free on the cache's disk.");
        meter.CreateObservableCounter("dataset_cache_eviction_total", Evictions.Observe, unit: null, "Entries evicted, by cause.");
        meter.CreateObservableCounter("dataset_cache_evicted_bytes_total", () => EvictedBytes.Value, "By", "Bytes of the disk that evictions freed.");

        // Nothing until the first look is taken: a quota of 0 would be an alarm.
        void Observe(string name, Func<SpaceReport, long> what, string description)
            => meter.CreateObservableUpDownCounter(name, () => space() is { } report ? (Measurement<long>[])[new(what(report))] : [], "By", description);
    }

    public Counts<EvictionCause> Evictions { get; } = new("cause");

    public Count EvictedBytes { get; } = new();
}
