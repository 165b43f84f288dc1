using DatasetCache.Telemetry;
using DatasetCache.Transfers;

namespace DatasetCache;

// What a daemon wants to know of all that happens here. Without a recorder nothing of it is touched.
public sealed partial class LocalDatasetCache
{
    /// <summary>Is told what this object does from now on; null for nobody. Set before the first call.</summary>
    internal ICacheRecorder? Recorder { get; set; }

    /// <summary>How many entries there are, the bytes of their files and what they are charged for, as last known: no look at the disk.</summary>
    internal (int Entries, long Bytes, long Charged) Held => index.Totals;

    /// <summary>Pieces that this node is to read from the origin for a cluster and has not yet.</summary>
    internal int OpenClaims => node?.OpenClaims ?? 0;

    private async Task<DatasetLease> RecordAsync(ICacheRecorder recorder, AcquireRequest request, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        var record = recorder.Acquiring(request);
        try
        {
            var lease = await AcquireAsync(request, record, progress, cancellationToken);
            record.Served(lease);
            return lease;
        }
        catch (Exception e)
        {
            record.Failed(e);
            throw;
        }
    }

    private async Task<Acquired> DownloadAsync(string name, TransferMeter meter, Func<Task<Acquired>> download)
    {
        if (Recorder is not { } recorder)
            return await download();
        meter.Recorder = recorder;
        var record = recorder.Downloading(name, meter);
        try
        {
            var acquired = await download();
            record.Done(acquired.Outcome);
            return acquired;
        }
        catch (Exception e)
        {
            record.Failed(e);
            throw;
        }
    }
}
