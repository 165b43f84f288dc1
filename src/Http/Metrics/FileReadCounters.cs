using DatasetCache.Http.Serving;

namespace DatasetCache.Http.Metrics;

/// <summary>How reads of single files over HTTP were answered, and how full the memory tier (L1) in front of the disk is.</summary>
internal sealed record FileReadCounters
{
    /// <summary>Nobody read any.</summary>
    public static FileReadCounters None { get; } = new();

    public long MemoryHits { get; init; }

    /// <summary>Files that might have been in memory and were not.</summary>
    public long MemoryMisses { get; init; }

    public long DiskHits { get; init; }

    /// <summary>With bytes from another node for it, and none from the origin.</summary>
    public long PeerHits { get; init; }

    /// <summary>With bytes from the origin for it.</summary>
    public long OriginReads { get; init; }

    /// <summary>Loads and fetches that somebody else was doing already.</summary>
    public long StampedePrevented { get; init; }

    public long BytesFromMemory { get; init; }

    public long BytesFromDisk { get; init; }

    /// <summary>Files in memory.</summary>
    public long MemoryObjects { get; init; }

    /// <summary>Bytes as allocated.</summary>
    public long MemoryUsed { get; init; }

    /// <summary>0 where there is no memory tier.</summary>
    public long MemoryLimit { get; init; }

    /// <summary>What those who serve files have counted.</summary>
    public static FileReadCounters Of(NodeParts parts)
    {
        var counts = parts.Reads;
        return new FileReadCounters
        {
            MemoryHits = counts.MemoryHits,
            MemoryMisses = counts.MemoryMisses,
            DiskHits = counts.DiskHits,
            PeerHits = counts.PeerHits,
            OriginReads = counts.OriginReads,
            StampedePrevented = counts.StampedePrevented,
            BytesFromMemory = counts.BytesFromMemory,
            BytesFromDisk = counts.BytesFromDisk,
            MemoryObjects = counts.MemoryObjects,
            MemoryUsed = counts.MemoryUsed,
            MemoryLimit = counts.MemoryLimit,
        };
    }
}
