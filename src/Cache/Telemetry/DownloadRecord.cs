using System.Diagnostics;
using DatasetCache.Transfers;

namespace DatasetCache.Telemetry;

/// <summary>One download as it is counted and traced.</summary>
internal sealed class DownloadRecord : IDownloadRecord
{
    private readonly AcquisitionInstruments instruments;
    private readonly TransferMeter meter;
    private readonly TimeProvider time;
    private readonly long started;
    private readonly Activity? activity;

    public DownloadRecord(AcquisitionInstruments instruments, string name, TransferMeter meter, TimeProvider time)
    {
        this.instruments = instruments;
        this.meter = meter;
        this.time = time;
        started = time.GetTimestamp();
        instruments.DownloadBegan();
        activity = CacheActivities.Source.StartActivity("dataset.download");
        activity?.SetTag("dataset.name", name);
    }

    public void Done(AcquireOutcome outcome)
    {
        // Found ready when its turn came: another process had made it.
        if (outcome == AcquireOutcome.Miss)
            instruments.Downloaded(time.GetElapsedTime(started));
        End();
    }

    public void Failed(Exception e)
    {
        if (e is not OperationCanceledException)
            instruments.DownloadFailures.Add(e is DatasetCacheException known ? known.Code : ErrorCode.Internal);
        activity.Fail(e);
        End();
    }

    private void End()
    {
        instruments.DownloadEnded();
        activity?.SetTag("dataset.bytes_from_origin", meter.BytesFromOrigin).SetTag("dataset.bytes_from_peers", meter.BytesFromPeers).SetTag("dataset.files_from_origin", meter.FilesFromOrigin);
        activity?.Dispose();
    }
}
