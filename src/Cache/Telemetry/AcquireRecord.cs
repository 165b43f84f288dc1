using System.Diagnostics;

namespace DatasetCache.Telemetry;

/// <summary>One acquire as it is counted and traced.</summary>
internal sealed class AcquireRecord : IAcquireRecord
{
    private readonly AcquisitionInstruments instruments;
    private readonly bool isPrefetch;
    private readonly Activity? activity;
    private bool joined;

    public AcquireRecord(AcquisitionInstruments instruments, AcquireRequest request)
    {
        this.instruments = instruments;
        isPrefetch = request.IsPrefetch;
        instruments.Began();
        activity = CacheActivities.Source.StartActivity("dataset.acquire");
        activity?.SetTag("dataset.id", request.Dataset.DatasetId).SetTag("dataset.snapshot", request.Dataset.SnapshotId).SetTag("job.id", request.JobId);
    }

    public void Joined() => joined = true;

    public void Served(DatasetLease lease)
    {
        instruments.Ended();
        instruments.Served(lease, joined, isPrefetch);
        activity?.SetTag("dataset.cache_key", lease.CacheKey).SetTag("dataset.outcome", joined ? "joined" : lease.Outcome == AcquireOutcome.Hit ? "hit" : "miss").SetTag("dataset.bytes", lease.Bytes);
        activity?.Dispose();
    }

    public void Failed(Exception e)
    {
        instruments.Ended();
        // Whoever gave up was not failed.
        if (e is not OperationCanceledException)
            instruments.Failures.Add(e is DatasetCacheException known ? known.Code : ErrorCode.Internal);
        activity.Fail(e);
        activity?.Dispose();
    }
}
