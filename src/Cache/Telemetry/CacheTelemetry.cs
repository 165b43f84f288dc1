using System.Diagnostics.Metrics;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Transfers;

namespace DatasetCache.Telemetry;

/// <summary>A daemon's instruments of its cache. One per cache, with a meter of its own: two nodes in one process do not mix.</summary>
internal sealed class CacheTelemetry : ICacheRecorder, IDisposable
{
    public const string MeterName = "DatasetCache";

    // Others' downloads and a disk that fills do not tell anybody.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);

    private readonly LocalDatasetCache cache;
    private readonly TimeProvider time;
    private readonly ITimer looking;
    private volatile SpaceReport? space;
    private int isLooking;

    /// <summary>Has everything that <paramref name="cache"/> does from now on counted.</summary>
    public CacheTelemetry(LocalDatasetCache cache, TimeProvider time, CacheTelemetrySources sources)
    {
        this.cache = cache;
        this.time = time;
        Meter = new Meter(MeterName, sources.Version);
        Acquisitions = new AcquisitionInstruments(Meter);
        Store = new StoreInstruments(Meter, () => cache.Held, () => space);
        Origin = new OriginInstruments(Meter);
        Peers = new PeerInstruments(Meter, () => cache.Totals.ToPeers(), () => cache.OpenClaims);
        Transfers = new TransferInstruments(Meter, cache.Totals, () => Acquisitions.LocalBytes.Value + sources.FromDisk(), sources.FromMemory);
        Leases = new LeaseInstruments(Meter, sources.Leases);
        Integrity = new IntegrityInstruments(Meter);
        cache.Evicted += OnEvicted;
        cache.Recorder = this;
        looking = time.CreateTimer(_ => Look(), state: null, TimeSpan.Zero, LookEvery);
    }

    public Meter Meter { get; }

    public AcquisitionInstruments Acquisitions { get; }

    public StoreInstruments Store { get; }

    public TransferInstruments Transfers { get; }

    public OriginInstruments Origin { get; }

    public PeerInstruments Peers { get; }

    public LeaseInstruments Leases { get; }

    public IntegrityInstruments Integrity { get; }

    /// <summary>The disk when it was last looked at, some seconds ago; null until the entries were counted after the start.</summary>
    public SpaceReport? Space => space;

    /// <summary>Takes the next look at the disk now.</summary>
    public void Look()
    {
        // The first one counts ten thousand entries and may take longer than the next is away.
        if (Interlocked.Exchange(ref isLooking, 1) != 0)
            return;
        try
        {
            space = cache.Space();
        }
        catch (Exception e) when (e is DatasetCacheException or IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // What was seen last stands; readiness says what is wrong with the disk.
        }
        finally
        {
            Volatile.Write(ref isLooking, 0);
        }
    }

    public IAcquireRecord Acquiring(AcquireRequest request) => new AcquireRecord(Acquisitions, request);

    public IDownloadRecord Downloading(string name, TransferMeter meter) => new DownloadRecord(Acquisitions, name, meter, time);

    public ITransferRecord ReadingOrigin(string key, long offset, long length) => TransferRecord.FromOrigin(Origin, time, key, offset, length);

    public ITransferRecord ReadingPeer(string node, int firstPiece, int count, long bytes) => TransferRecord.FromPeer(Peers, time, node, firstPiece, count, bytes);

    public void Listed(TimeSpan took, OriginException? failure)
    {
        if (failure is null)
            Origin.Listed(took);
        else
            Origin.Errors.Add(failure.Failure);
    }

    public void FileFetched(bool fromPeer) => (fromPeer ? Acquisitions.FilesFromPeers : Acquisitions.FilesFromOrigin).Add();

    public void LeaseBegan() => Leases.Granted.Add();

    public void LeaseEnded(bool expired) => (expired ? Leases.Expired : Leases.Released).Add();

    public void Dealt(VerifyResult result) => Integrity.Dealt(result);

    public void Scrubbed(ScrubReport report) => Integrity.Scrubbed(report);

    public void Withdrawn(int entries) => Integrity.Withdrawn(entries);

    private void OnEvicted(object? sender, Eviction.EntryEvictedEventArgs gone)
    {
        Store.Evictions.Add(gone.Cause);
        Store.EvictedBytes.Add(gone.FreedBytes);
    }

    public void Dispose()
    {
        looking.Dispose();
        cache.Evicted -= OnEvicted;
        cache.Recorder = null;
        Meter.Dispose();
    }
}

/// <summary>What is counted elsewhere.</summary>
internal sealed record CacheTelemetrySources
{
    /// <summary>This program's version.</summary>
    public string? Version { get; init; }

    /// <summary>Leases that processes hold.</summary>
    public Func<int> Leases { get; init; } = static () => 0;

    /// <summary>Bytes of single files that were answered from the disk.</summary>
    public Func<long> FromDisk { get; init; } = static () => 0;

    /// <summary>Bytes of single files that were answered from memory.</summary>
    public Func<long> FromMemory { get; init; } = static () => 0;
}
