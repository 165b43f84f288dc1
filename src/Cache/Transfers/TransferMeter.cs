using DatasetCache.Telemetry;

namespace DatasetCache.Transfers;

/// <summary>What an acquisition has done so far, counted by many workers and read by whoever shows progress.</summary>
internal sealed class TransferMeter(TransferTotals? totals = null)
{
    private long bytesFromOrigin, filesFromOrigin, reusedBytes, sharedBytes, peerBytes, filesDone, bytesDone, filesTotal, bytesTotal;
    private volatile int phase;

    /// <summary>Is told as it happens; null for nobody.</summary>
    public ICacheRecorder? Recorder { get; set; }

    public long BytesFromOrigin => Interlocked.Read(ref bytesFromOrigin);

    public long FilesFromOrigin => Interlocked.Read(ref filesFromOrigin);

    public long ReusedBytes => Interlocked.Read(ref reusedBytes);

    public long SharedBytes => Interlocked.Read(ref sharedBytes);

    public long BytesFromPeers => Interlocked.Read(ref peerBytes);

    public AcquirePhase Phase
    {
        get => (AcquirePhase)phase;
        set => phase = (int)value;
    }

    /// <summary>The entry's key, as soon as it is known.</summary>
    public string? CacheKey { get; set; }

    internal void Received(int bytes)
    {
        Interlocked.Add(ref bytesFromOrigin, bytes);
        totals?.AddFromOrigin(bytes);
    }

    internal void Reused(long bytes) => Interlocked.Add(ref reusedBytes, bytes);

    internal void Shared(long bytes) => Interlocked.Add(ref sharedBytes, bytes);

    internal void FromPeer(long bytes)
    {
        Interlocked.Add(ref peerBytes, bytes);
        totals?.AddFromPeers(bytes);
    }

    internal void FileFetched(bool fromOrigin)
    {
        if (fromOrigin)
            Interlocked.Increment(ref filesFromOrigin);
        Recorder?.FileFetched(!fromOrigin);
    }

    internal void FileDone() => Interlocked.Increment(ref filesDone);

    internal void BytesDone(long bytes) => Interlocked.Add(ref bytesDone, bytes);

    internal long BytesDoneSoFar => Interlocked.Read(ref bytesDone);

    internal void Expect(long files, long bytes)
    {
        Interlocked.Exchange(ref filesTotal, files);
        Interlocked.Exchange(ref bytesTotal, bytes);
    }

    internal void Restart()
    {
        Interlocked.Exchange(ref filesDone, 0);
        Interlocked.Exchange(ref bytesDone, 0);
    }

    internal AcquireProgress Snapshot(string cacheKey) => new(Phase, cacheKey, Interlocked.Read(ref filesDone), Interlocked.Read(ref filesTotal),
        Interlocked.Read(ref bytesDone), Interlocked.Read(ref bytesTotal), BytesFromOrigin)
    {
        EntryKey = CacheKey,
    };
}
