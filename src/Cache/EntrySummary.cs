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

    /// <summary>Bytes that this entry added to the disk: what it did not share with others when it was published.</summary>
    public required long OwnBytes { get; init; }

    public required int MissingCount { get; init; }

    public required DateTimeOffset PublishedAt { get; init; }

    public required DateTimeOffset LastUsedAt { get; init; }

    public required long Uses { get; init; }

    /// <summary>Job links that still stand.</summary>
    public required IReadOnlyList<EntryHolder> Holders { get; init; }

    /// <summary>Whether a live process holds a lease right now.</summary>
    public required bool IsLeased { get; init; }
}

/// <summary>A job link that protects an entry.</summary>
public sealed record EntryHolder(string Link, string? JobId, DateTimeOffset Since);
