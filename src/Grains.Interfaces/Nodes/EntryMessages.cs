namespace DatasetCache.Grains;

/// <summary>An entry of a node's cache. Sizes are bytes.</summary>
[GenerateSerializer, Immutable, Alias("dscache.entry")]
public sealed record EntryMessage
{
    [Id(0)]
    public required string CacheKey { get; init; }

    [Id(1)]
    public required string Digest { get; init; }

    [Id(2)]
    public required string Origin { get; init; }

    [Id(3)]
    public required string Prefix { get; init; }

    [Id(4)]
    public string? SnapshotId { get; init; }

    [Id(5)]
    public required long Files { get; init; }

    [Id(6)]
    public required long Bytes { get; init; }

    [Id(7)]
    public required DateTimeOffset LastUsedAt { get; init; }

    [Id(8)]
    public required bool IsPinned { get; init; }

    [Id(9)]
    public required bool IsLeased { get; init; }

    /// <summary>What is wrong with it; null for nothing.</summary>
    [Id(10)]
    public string? Broken { get; init; }
}

/// <param name="Outcome"><c>Evicted</c>, <c>Protected</c>, <c>NotFound</c> or <c>FreesNothing</c>; a newer node may name others.</param>
/// <param name="Protections">Why it stays, for people.</param>
[GenerateSerializer, Immutable, Alias("dscache.evicted")]
public sealed record EvictedMessage(
    [property: Id(0)] string CacheKey, [property: Id(1)] string Outcome, [property: Id(2)] long FreedBytes, [property: Id(3)] ImmutableArray<string> Protections)
{
    /// <summary>The same with their kinds.</summary>
    [Id(4)]
    public ImmutableArray<ProtectionMessage> Details { get; init; } = [];
}

/// <param name="Kind"><c>Lease</c>, <c>JobLink</c>, <c>Pin</c>, <c>Hold</c> or <c>NotRemovable</c>; a newer node may name others.</param>
[GenerateSerializer, Immutable, Alias("dscache.protection")]
public sealed record ProtectionMessage([property: Id(0)] string Kind, [property: Id(1)] string Reason, [property: Id(2)] DateTimeOffset? Until);

[GenerateSerializer, Alias("dscache.verifyLevel")]
public enum VerifyLevelMessage
{
    Fast = 0,
    Pieces = 1,
    Full = 2,
}

[GenerateSerializer, Immutable, Alias("dscache.verify")]
public sealed record VerifyMessage(
    [property: Id(0)] string CacheKey, [property: Id(1)] string Ticket, [property: Id(2)] VerifyLevelMessage Level, [property: Id(3)] bool Heal);

/// <param name="Outcome"><c>Sound</c>, <c>Healed</c>, <c>Withdrawn</c> or <c>Quarantined</c>; a newer node may name others.</param>
/// <param name="Found">What was wrong, a line each, at most 100.</param>
[GenerateSerializer, Immutable, Alias("dscache.verified")]
public sealed record VerifiedMessage(
    [property: Id(0)] string CacheKey, [property: Id(1)] string Outcome, [property: Id(2)] long Files, [property: Id(3)] long Bytes,
    [property: Id(4)] ImmutableArray<string> Found, [property: Id(5)] string? Why);

/// <param name="All">Everything at once, not only what is due.</param>
[GenerateSerializer, Immutable, Alias("dscache.scrub")]
public sealed record ScrubMessage([property: Id(0)] string Ticket, [property: Id(1)] bool All, [property: Id(2)] bool Heal);

/// <param name="Found">Faults found in this cycle.</param>
/// <param name="Unhealed">How many entries of these could not be healed.</param>
[GenerateSerializer, Immutable, Alias("dscache.scrubbed")]
public sealed record ScrubbedMessage(
    [property: Id(0)] long Entries, [property: Id(1)] long Files, [property: Id(2)] long Bytes, [property: Id(3)] long Found, [property: Id(4)] long Unhealed);

/// <summary>What a node's cache did over some days. Bytes are those of files, as their origins count them.</summary>
[GenerateSerializer, Immutable, Alias("dscache.statistics")]
public sealed record StatisticsMessage
{
    [Id(0)]
    public required DateOnly From { get; init; }

    [Id(1)]
    public required DateOnly To { get; init; }

    [Id(2)]
    public required long Hits { get; init; }

    [Id(3)]
    public required long Misses { get; init; }

    [Id(4)]
    public required long Failures { get; init; }

    [Id(5)]
    public required long BytesServed { get; init; }

    [Id(6)]
    public required long BytesFromOrigin { get; init; }

    [Id(7)]
    public required long BytesSaved { get; init; }

    [Id(8)]
    public required long Evictions { get; init; }

    [Id(9)]
    public required long BytesEvicted { get; init; }
}
