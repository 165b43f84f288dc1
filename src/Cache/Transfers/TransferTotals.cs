namespace DatasetCache.Transfers;

/// <summary>Bytes that went by since the cache was opened, by where they came from or went to. Counters that only grow; whoever wants a rate looks twice.</summary>
internal sealed class TransferTotals
{
    private long fromOrigin, fromPeers;

    /// <summary>Body bytes read from origins.</summary>
    public long FromOrigin => Interlocked.Read(ref fromOrigin);

    /// <summary>Bytes that other nodes gave.</summary>
    public long FromPeers => Interlocked.Read(ref fromPeers);

    /// <summary>Says how many bytes other nodes were given; who serves them knows.</summary>
    public Func<long> ToPeers { get; set; } = static () => 0;

    /// <summary>Says how many bytes of files were served from memory.</summary>
    public Func<long> FromMemory { get; set; } = static () => 0;

    /// <summary>Says what the memory tier takes and what it may take, in bytes; null where there is none.</summary>
    public Func<(long Used, long Limit)>? Memory { get; set; }

    public void AddFromOrigin(long bytes) => Interlocked.Add(ref fromOrigin, bytes);

    public void AddFromPeers(long bytes) => Interlocked.Add(ref fromPeers, bytes);
}
