using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace DatasetCache.Http.Metrics;

/// <summary>This process, by the names that Prometheus' own clients give.</summary>
internal sealed class ProcessInstruments
{
    public ProcessInstruments(Meter meter, string version)
    {
        double started;
        using (var self = Process.GetCurrentProcess())
            started = new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000d;
        meter.CreateObservableGauge("process_start_time_seconds", () => started, "s", "When the process began, in seconds since 1970 (UTC).");
        meter.CreateObservableCounter("process_cpu_seconds_total", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "Processor time, of user and system.");
        meter.CreateObservableUpDownCounter("process_resident_memory_bytes", () => Environment.WorkingSet, "By", "Memory that the process has.");
        meter.CreateObservableUpDownCounter("dataset_cache_managed_heap_bytes", () => GC.GetTotalMemory(forceFullCollection: false), "By", "Of that, what is or was objects of .NET.");
        meter.CreateObservableGauge("dataset_cache_build_info", () => new Measurement<int>(1, new KeyValuePair<string, object?>("version", version)), unit: null, "Always 1; the label says the version.");
    }
}
