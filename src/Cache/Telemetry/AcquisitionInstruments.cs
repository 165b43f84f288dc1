using System.Diagnostics.Metrics;

namespace DatasetCache.Telemetry;

/// <summary>What was asked for and how soon it was there.</summary>
internal sealed class AcquisitionInstruments
{
    private static readonly KeyValuePair<string, object?> Hit = new("outcome", "hit"), Miss = new("outcome", "miss"), Shared = new("outcome", "joined");

    private readonly Histogram<double> duration, download;

    public AcquisitionInstruments(Meter meter)
    {
        meter.CreateObservableCounter("dataset_cache_hit_total", () => Hits.Value, unit: null, "Acquires answered from this node's disk, or by a download that another caller had begun.");
        meter.CreateObservableCounter("dataset_cache_miss_total", () => Misses.Value, unit: null, "Acquires for which a dataset had to be put together.");
        meter.CreateObservableCounter("dataset_cache_stampede_prevented_total", () => Joined.Value, unit: null, "Acquires that joined a download under way instead of beginning their own.");
        meter.CreateObservableCounter("dataset_cache_acquire_failures_total", Failures.Observe, unit: null, "Acquires that failed, by error code.");
        meter.CreateObservableCounter("dataset_cache_saved_bytes_total", () => SavedBytes.Value, "By", "Bytes of datasets handed out that were not read from the origin for it.");
        meter.CreateObservableUpDownCounter("dataset_cache_acquires_under_way", () => Volatile.Read(ref acquiring), unit: null, "Acquires that are waited for now.");
        meter.CreateObservableUpDownCounter("dataset_cache_downloads_under_way", () => Volatile.Read(ref downloading), unit: null, "Datasets that are put together now.");
        meter.CreateObservableCounter("dataset_download_files_total",
            () => (Measurement<long>[])[new(FilesFromOrigin.Value, new KeyValuePair<string, object?>("source", "origin")), new(FilesFromPeers.Value, new KeyValuePair<string, object?>("source", "peer"))],
            unit: null, "Files fetched, by where the last of each came from.");
        meter.CreateObservableCounter("dataset_download_failures_total", DownloadFailures.Observe, unit: null, "Downloads that failed, by error code; those given up are not among them.");
        duration = meter.CreateHistogram("dataset_cache_acquire_duration_seconds", "s", "Time to data: from being asked to a dataset that is ready.", tags: null, Buckets.Acquire);
        download = meter.CreateHistogram("dataset_download_duration_seconds", "s", "How long putting a dataset together took, from its listing to its publishing.", tags: null, Buckets.Download);
    }

    private int acquiring, downloading;

    public Count Hits { get; } = new();

    public Count Misses { get; } = new();

    public Count Joined { get; } = new();

    /// <summary>Misses of which some bytes came from the origin.</summary>
    public Count OriginMisses { get; } = new();

    /// <summary>Misses whose bytes came from other nodes and not from the origin.</summary>
    public Count PeerMisses { get; } = new();

    public Count SavedBytes { get; } = new();

    /// <summary>Bytes that were on this host: of hits all, of misses what was linked or copied.</summary>
    public Count LocalBytes { get; } = new();

    public Count FilesFromOrigin { get; } = new();

    public Count FilesFromPeers { get; } = new();

    public Counts<ErrorCode> Failures { get; } = new("code");

    public Counts<ErrorCode> DownloadFailures { get; } = new("code");

    public void Began() => Interlocked.Increment(ref acquiring);

    public void Ended() => Interlocked.Decrement(ref acquiring);

    public void Served(DatasetLease lease, bool joined, bool isPrefetch)
    {
        var missed = lease.Outcome == AcquireOutcome.Miss;
        LocalBytes.Add(missed ? lease.ReusedBytes + lease.SharedBytes : joined || isPrefetch ? 0 : lease.Bytes);
        // As `dscache stats` counts: nobody uses yet what was fetched in advance.
        if (isPrefetch)
            return;
        (missed ? Misses : Hits).Add();
        if (joined)
            Joined.Add();
        if (missed && lease.BytesFromOrigin > 0)
            OriginMisses.Add();
        else if (missed && lease.BytesFromPeers > 0)
            PeerMisses.Add();
        SavedBytes.Add(Math.Max(0, lease.Bytes - lease.BytesFromOrigin));
        duration.Record(lease.Elapsed.TotalSeconds, missed ? Miss : joined ? Shared : Hit);
    }

    public void DownloadBegan() => Interlocked.Increment(ref downloading);

    public void DownloadEnded() => Interlocked.Decrement(ref downloading);

    public void Downloaded(TimeSpan took) => download.Record(took.TotalSeconds);
}
