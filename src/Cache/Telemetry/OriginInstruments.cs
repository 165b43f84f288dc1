using System.Diagnostics.Metrics;
using DatasetCache.Origins;

namespace DatasetCache.Telemetry;

/// <summary>How the origin answers.</summary>
internal sealed class OriginInstruments
{
    private static readonly KeyValuePair<string, object?> Read = new("operation", "read"), List = new("operation", "list");

    private readonly Histogram<double> duration;

    public OriginInstruments(Meter meter)
    {
        meter.CreateObservableCounter("dataset_cache_origin_requests_total", () => (Measurement<long>[])[new(Reads.Value, Read), new(Listings.Value, List)], unit: null,
            "Answers of the origin: to reads, repeated ones included, and listings, each of as many pages as it takes.");
        meter.CreateObservableCounter("dataset_cache_origin_errors_total", Errors.Observe, unit: null, "Reads and listings that failed, by reason; a read may have succeeded when it was repeated.");
        duration = meter.CreateHistogram("dataset_cache_origin_request_duration_seconds", "s", "From a read's request to the head of its answer; of a listing all of it.", tags: null, Buckets.Request);
    }

    public Count Reads { get; } = new();

    public Count Listings { get; } = new();

    public Counts<OriginFailure> Errors { get; } = new("reason");

    public void Answered(TimeSpan took)
    {
        Reads.Add();
        duration.Record(took.TotalSeconds, Read);
    }

    public void Listed(TimeSpan took)
    {
        Listings.Add();
        duration.Record(took.TotalSeconds, List);
    }
}
