using DatasetCache.Memory;

namespace DatasetCache.Reading;

/// <summary>How reads of single files were answered, since the process began.</summary>
/// <param name="Requests">Reads of a file's bytes, each counted once in one of the next four.</param>
/// <param name="MemoryHits">Out of memory (L1).</param>
/// <param name="DiskHits">Out of the cache's disk (L2).</param>
/// <param name="PeerHits">With a piece or more that came from another node for it, and none from the origin.</param>
/// <param name="OriginReads">With a piece or more that came from the origin for it (L3).</param>
/// <param name="StampedePrevented">Loads and fetches that somebody else was doing already.</param>
/// <param name="MemoryUsed">Bytes as allocated, and so <paramref name="MemoryLimit"/>.</param>
internal sealed record ReadCounts(
    long Requests, long MemoryHits, long DiskHits, long PeerHits, long OriginReads, long StampedePrevented, long BytesFromMemory, long BytesFromDisk, long BytesFromPeers, long BytesFromOrigin,
    long MemoryMisses, long MemoryObjects, long MemoryUsed, long MemoryLimit);

/// <summary>Counts them.</summary>
internal sealed class ReadTally
{
    private long disk, peer, origin, prevented, diskBytes, peerBytes, originBytes;

    public void FromDisk(long bytes)
    {
        Interlocked.Increment(ref disk);
        Interlocked.Add(ref diskBytes, bytes);
    }

    public void WithPeer() => Interlocked.Increment(ref peer);

    public void WithOrigin() => Interlocked.Increment(ref origin);

    public void Prevented() => Interlocked.Increment(ref prevented);

    public void PeerBytes(long bytes) => Interlocked.Add(ref peerBytes, bytes);

    public void OriginBytes(long bytes) => Interlocked.Add(ref originBytes, bytes);

    public ReadCounts With(MemoryTierCounts memory) => new(
        memory.Hits + Volatile.Read(ref disk) + Volatile.Read(ref peer) + Volatile.Read(ref origin),
        memory.Hits, Volatile.Read(ref disk), Volatile.Read(ref peer), Volatile.Read(ref origin), Volatile.Read(ref prevented) + memory.StampedePrevented,
        memory.BytesServed, Volatile.Read(ref diskBytes), Volatile.Read(ref peerBytes), Volatile.Read(ref originBytes), memory.Misses, memory.Objects, memory.Used, memory.Limit);
}
