using System.Diagnostics.Metrics;
using DatasetCache.Integrity;

namespace DatasetCache.Telemetry;

/// <summary>What checking found and what became of it.</summary>
internal sealed class IntegrityInstruments
{
    private double passed;
    private int withdrawn;

    public IntegrityInstruments(Meter meter)
    {
        meter.CreateObservableCounter("dataset_cache_integrity_faults_total", Faults.Observe, unit: null, "Files found broken by scrubbing and verifying, by what is wrong with them.");
        meter.CreateObservableCounter("dataset_cache_healing_total", Outcomes.Observe, unit: null, "Entries found broken or tried again, by what became of them; sound is one that needed nothing any more.");
        meter.CreateObservableUpDownCounter("dataset_cache_withdrawn_entries", () => Volatile.Read(ref withdrawn), unit: null,
            "Entries that are broken, could not be healed yet and are given to nobody new, when they were last tried.");
        meter.CreateObservableCounter("dataset_cache_scrub_read_bytes_total", () => ScrubbedBytes.Value, "By", "Bytes that the scrubber compared with their checksums.");
        meter.CreateObservableCounter("dataset_cache_scrub_files_total", () => ScrubbedFiles.Value, unit: null, "Files that the scrubber looked at.");
        meter.CreateObservableGauge("dataset_cache_scrub_cycle_ratio", () => Volatile.Read(ref passed), unit: null, "The share of the cache that this cycle of the scrubber has gone through, 0 to 1.");
    }

    public Counts<FileFaultKind> Faults { get; } = new("kind");

    public Counts<VerifyOutcome> Outcomes { get; } = new("outcome");

    public Count ScrubbedBytes { get; } = new();

    public Count ScrubbedFiles { get; } = new();

    public void Dealt(VerifyResult result)
    {
        foreach (var fault in result.Found.Faults)
            Faults.Add(fault.Kind);
        Outcomes.Add(result.Outcome);
    }

    public void Scrubbed(ScrubReport report)
    {
        ScrubbedBytes.Add(report.BytesRead);
        ScrubbedFiles.Add(report.Files);
        Volatile.Write(ref passed, report.Passed);
    }

    public void Withdrawn(int entries) => Volatile.Write(ref withdrawn, entries);
}
