using System.Diagnostics.Metrics;
using DatasetCache.Reading;

namespace DatasetCache.Http.Metrics;

/// <summary>Files read over HTTP, and the memory tier.</summary>
internal sealed class FileReadInstruments
{
    private static readonly KeyValuePair<string, object?> Memory = new("source", "memory"), Disk = new("source", "local"), Peer = new("source", "peer"), Origin = new("source", "origin");

    public FileReadInstruments(Meter meter, Func<ReadCounts> counters)
    {
        meter.CreateObservableCounter("dataset_cache_file_reads_total", () => Sources(counters()), unit: null, "Files read over HTTP, by the farthest place that bytes had to come from.");
        meter.CreateObservableCounter("dataset_cache_file_reads_joined_total", () => counters().StampedePrevented, unit: null, "Loads and fetches for a read that somebody else was doing already.");
        meter.CreateObservableCounter("dataset_cache_memory_miss_total", () => counters().MemoryMisses, unit: null, "Reads of files that might have been in memory and were not.");
        meter.CreateObservableUpDownCounter("dataset_cache_memory_objects", () => counters().MemoryObjects, unit: null, "Files in memory.");
        meter.CreateObservableUpDownCounter("dataset_cache_memory_size_bytes", () => counters().MemoryUsed, "By", "What the memory tier has allocated.");
        meter.CreateObservableUpDownCounter("dataset_cache_memory_limit_bytes", () => counters().MemoryLimit, "By", "The most that the memory tier may allocate; 0 without one.");
    }

    private static Measurement<long>[] Sources(ReadCounts read)
        => [new(read.MemoryHits, Memory), new(read.DiskHits, Disk), new(read.PeerHits, Peer), new(read.OriginReads, Origin)];
}
