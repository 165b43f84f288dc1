namespace DatasetCache.Grains;

/// <summary>All that a node knows of an entry of its cache. Sizes are bytes.</summary>
[GenerateSerializer, Immutable, Alias("dscache.entry.detail")]
public sealed record EntryDetailMessage
{
    [Id(0)]
    public required EntryMessage Entry { get; init; }

    /// <summary>On the node's disk.</summary>
    [Id(1)]
    public required string Path { get; init; }

    [Id(2)]
    public string? DatasetId { get; init; }

    [Id(3)]
    public string? VersionHash { get; init; }

    [Id(4)]
    public required string Selection { get; init; }

    [Id(5)]
    public required string SelectionReason { get; init; }

    [Id(6)]
    public long OwnBytes { get; init; }

    [Id(7)]
    public int MissingCount { get; init; }

    [Id(8)]
    public required DateTimeOffset PublishedAt { get; init; }

    [Id(9)]
    public long Uses { get; init; }

    /// <summary>Leases by name, and whether a process holds one.</summary>
    [Id(10)]
    public int Leases { get; init; }

    [Id(11)]
    public required PriorityMessage Priority { get; init; }

    [Id(12)]
    public required DateTimeOffset ExpiresAt { get; init; }

    [Id(13)]
    public long? FreeableBytes { get; init; }

    /// <summary>Job links, at most 100.</summary>
    [Id(14)]
    public ImmutableArray<JobLinkMessage> JobLinks { get; init; } = [];

    /// <summary>Why it cannot be evicted now, at most 100.</summary>
    [Id(15)]
    public ImmutableArray<ProtectionMessage> Protections { get; init; } = [];
}

/// <param name="Until">Of a hold, which has no link; null for none.</param>
[GenerateSerializer, Immutable, Alias("dscache.entry.jobLink")]
public sealed record JobLinkMessage([property: Id(0)] string Link, [property: Id(1)] string? JobId, [property: Id(2)] DateTimeOffset Since, [property: Id(3)] DateTimeOffset? Until);

/// <summary>A page of what an entry's manifest names.</summary>
/// <param name="Next">The last path, where there are more; null at the end.</param>
[GenerateSerializer, Immutable, Alias("dscache.files")]
public sealed record FilesMessage([property: Id(0)] ImmutableArray<FileMessage> Files, [property: Id(1)] string? Next);

/// <param name="ETag">As the origin wrote it.</param>
[GenerateSerializer, Immutable, Alias("dscache.file")]
public sealed record FileMessage([property: Id(0)] string Path, [property: Id(1)] long Size, [property: Id(2)] string ETag);
