namespace DatasetCache.Transfers;

/// <summary>Bytes that went by since the cache was opened, by where they came from or went to. Counters that only grow; whoever wants a rate looks twice.</summary>
internal sealed class TransferTotals
{
    private long fromOrigin, fromPeers, toPeers, fromMemory;

    /// <summary>Body bytes read from origins.</summary>
    public long FromOrigin => Interlocked.Read(ref fromOrigin);

    /// <summary>Bytes that other nodes gave.</summary>
    public long FromPeers => Interlocked.Read(ref fromPeers);

    /// <summary>Bytes given to other nodes.</summary>
    public long ToPeers => Interlocked.Read(ref toPeers);

    /// <summary>Bytes of files that were served from memory.</summary>
    public long FromMemory => Interlocked.Read(ref fromMemory);

    /// <summary>Says what the memory tier takes and what it may take, in bytes; null where there is none.</summary>
    public Func<(long Used, long Limit)>? Memory { get; set; }

    public void AddFromOrigin(long bytes) => Interlocked.Add(ref fromOrigin, bytes);

    public void AddFromPeers(long bytes) => Interlocked.Add(ref fromPeers, bytes);

    public void AddToPeers(long bytes) => Interlocked.Add(ref toPeers, bytes);

    public void AddFromMemory(long bytes) => Interlocked.Add(ref fromMemory, bytes);
}
