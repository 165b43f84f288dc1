namespace DatasetCache.Grains;

/// <param name="After">The cache key before the first; null for none.</param>
/// <param name="Count">At most 1,000.</param>
/// <param name="Key">One key alone; null for all.</param>
[GenerateSerializer, Immutable, Alias("dscache.cells.request")]
public sealed record CellsRequest([property: Id(0)] string? After, [property: Id(1)] int Count, [property: Id(2)] string? Key = null);

/// <summary>What one node has of one dataset, whole or on its way. Sizes are bytes.</summary>
[GenerateSerializer, Immutable, Alias("dscache.cell")]
public sealed record CellMessage
{
    [Id(0)]
    public required string CacheKey { get; init; }

    /// <summary>Of its manifest; empty while it is on its way.</summary>
    [Id(1)]
    public required string Digest { get; init; }

    [Id(2)]
    public required string Origin { get; init; }

    [Id(3)]
    public required string Prefix { get; init; }

    [Id(4)]
    public string? DatasetId { get; init; }

    [Id(5)]
    public string? SnapshotId { get; init; }

    /// <summary>Of the whole; 0 as long as it is not known.</summary>
    [Id(6)]
    public long Bytes { get; init; }

    [Id(7)]
    public long Files { get; init; }

    [Id(8)]
    public required HolderMessage Holder { get; init; }
}

/// <summary>One node's part in a dataset.</summary>
/// <param name="State"><c>Ready</c>, <c>Downloading</c> or <c>Broken</c>; a newer node may name others.</param>
/// <param name="Priority"><c>Low</c>, <c>Normal</c> or <c>High</c>.</param>
[GenerateSerializer, Immutable, Alias("dscache.holder")]
public sealed record HolderMessage(
    [property: Id(0)] string Node, [property: Id(1)] string State, [property: Id(2)] long BytesDone, [property: Id(3)] int Leases, [property: Id(4)] bool IsPinned,
    [property: Id(5)] string Priority, [property: Id(6)] DateTimeOffset? ExpiresAt, [property: Id(7)] DateTimeOffset? LastUsedAt);

/// <summary>Bytes a second.</summary>
[GenerateSerializer, Immutable, Alias("dscache.rates")]
public sealed record RatesMessage(
    [property: Id(0)] long FromOrigin, [property: Id(1)] long FromPeers, [property: Id(2)] long ToPeers, [property: Id(3)] long FromMemory);

/// <summary>A dataset that a node is making ready.</summary>
/// <param name="Phase">As in <see cref="ProgressMessage"/>.</param>
[GenerateSerializer, Immutable, Alias("dscache.download")]
public sealed record DownloadMessage(
    [property: Id(0)] string CacheKey, [property: Id(1)] string Phase, [property: Id(2)] long BytesDone, [property: Id(3)] long BytesTotal, [property: Id(4)] long BytesFromOrigin);

/// <summary>Something that happened to an entry.</summary>
/// <param name="Kind">For example <c>downloaded</c>; a newer node may name others.</param>
[GenerateSerializer, Immutable, Alias("dscache.event")]
public sealed record EventMessage(
    [property: Id(0)] DateTimeOffset At, [property: Id(1)] string CacheKey, [property: Id(2)] string Kind, [property: Id(3)] string Detail, [property: Id(4)] string Node);

[GenerateSerializer, Alias("dscache.priority")]
public enum PriorityMessage
{
    Low = 0,
    Normal = 1,
    High = 2,
}
