using DatasetCache.Eviction;

namespace DatasetCache;

/// <summary>What is known of a published entry. Sizes are bytes.</summary>
public sealed record EntrySummary
{
    public required string CacheKey { get; init; }

    public required string Path { get; init; }

    public required string Origin { get; init; }

    public required string DatasetPrefix { get; init; }

    public string? DatasetId { get; init; }

    public string? SnapshotId { get; init; }

    public string? VersionHash { get; init; }

    public required string Selection { get; init; }

    public required string SelectionReason { get; init; }

    public required string ManifestDigest { get; init; }

    public required long Files { get; init; }

    public required long Bytes { get; init; }

    /// <summary>
    /// Bytes of the quota that this entry is charged for, as allocated: files that several entries share are charged to the oldest that is there.
    /// </summary>
    public required long OwnBytes { get; init; }

    public required int MissingCount { get; init; }

    public required DateTimeOffset PublishedAt { get; init; }

    public required DateTimeOffset LastUsedAt { get; init; }

    public required long Uses { get; init; }

    /// <summary>Job links that still stand.</summary>
    public required IReadOnlyList<EntryHolder> Holders { get; init; }

    /// <summary>Whether a live process holds a lease right now.</summary>
    public required bool IsLeased { get; init; }

    public required bool IsPinned { get; init; }

    /// <summary>What an operator said of its place in the order of eviction.</summary>
    public EntryPriority Priority { get; init; } = EntryPriority.Normal;

    /// <summary>When it counts as expired and is among the first to go, if nobody uses it again. It stays until its space is needed.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Why it cannot be evicted now; empty where it can.</summary>
    public required IReadOnlyList<Protection> Protections { get; init; }

    /// <summary>What is wrong with an entry that is withdrawn: nobody new gets it until it is healed. Null where nothing is known to be.</summary>
    public string? Broken { get; init; }

    /// <summary>Bytes that the disk would get back; null in a list, where it would mean to look at every file of the cache.</summary>
    public long? FreeableBytes { get; init; }
}

/// <summary>A job link that protects an entry, or a hold until a time, which has no link.</summary>
public sealed record EntryHolder(string Link, string? JobId, DateTimeOffset Since, DateTimeOffset? Until = null);
