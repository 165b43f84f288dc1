using System.Diagnostics.Metrics;

namespace DatasetCache.Http.Metrics;

/// <summary>The memory tier.</summary>
internal sealed class MemoryTierInstruments
{
    public MemoryTierInstruments(Meter meter, Func<MemoryTierCounters> counters)
    {
        meter.CreateObservableCounter("dataset_cache_memory_hit_total", () => counters().Hits, unit: null, "Files answered from memory.");
        meter.CreateObservableCounter("dataset_cache_memory_miss_total", () => counters().Misses, unit: null, "Small files that were asked for and not in memory.");
        meter.CreateObservableCounter("dataset_cache_memory_joined_total", () => counters().Joined, unit: null, "Requests that waited for another's load of the same file.");
        meter.CreateObservableCounter("dataset_cache_memory_eviction_total", () => counters().Evictions, unit: null, "Files that memory let go of.");
        meter.CreateObservableUpDownCounter("dataset_cache_memory_size_bytes", () => counters().UsedBytes, "By", "What the memory tier has allocated.");
        meter.CreateObservableUpDownCounter("dataset_cache_memory_limit_bytes", () => counters().LimitBytes, "By", "The most that the memory tier may allocate; 0 without one.");
    }
}
