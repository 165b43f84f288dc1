namespace DatasetCache.Grains;

[GenerateSerializer, Alias("dscache.workState")]
public enum WorkStateMessage
{
    Running = 0,
    Done = 1,
    Failed = 2,
    /// <summary>No such ticket, or it was over too long ago: the node may have been started anew. Ask again.</summary>
    Unknown = 3,
}

/// <summary>How far something is that was started, or what came of it.</summary>
[GenerateSerializer, Immutable, Alias("dscache.work")]
public sealed record WorkMessage
{
    [Id(0)]
    public required string Ticket { get; init; }

    [Id(1)]
    public required WorkStateMessage State { get; init; }

    [Id(2)]
    public ProgressMessage? Progress { get; init; }

    /// <summary>Of an acquire that is done.</summary>
    [Id(3)]
    public ReadyMessage? Ready { get; init; }

    /// <summary>Of a verify that is done; null where there is no such entry.</summary>
    [Id(4)]
    public VerifiedMessage? Verified { get; init; }

    [Id(5)]
    public ScrubbedMessage? Scrubbed { get; init; }

    [Id(6)]
    public FailureMessage? Failure { get; init; }
}

/// <param name="Phase">The name of a phase of acquiring, for example <c>Downloading</c>; a newer node may name others.</param>
[GenerateSerializer, Immutable, Alias("dscache.progress")]
public sealed record ProgressMessage(
    [property: Id(0)] string Phase, [property: Id(1)] string CacheKey, [property: Id(2)] long FilesDone, [property: Id(3)] long FilesTotal,
    [property: Id(4)] long BytesDone, [property: Id(5)] long BytesTotal, [property: Id(6)] long BytesFromOrigin);

/// <summary>A dataset that is ready on the node's host.</summary>
[GenerateSerializer, Immutable, Alias("dscache.ready")]
public sealed record ReadyMessage
{
    /// <summary>Null for a prefetch.</summary>
    [Id(0)]
    public LeaseMessage? Lease { get; init; }

    [Id(1)]
    public required string CacheKey { get; init; }

    [Id(2)]
    public required string SnapshotPath { get; init; }

    /// <summary>Whether nothing had to be downloaded.</summary>
    [Id(3)]
    public required bool IsHit { get; init; }

    [Id(4)]
    public required long Files { get; init; }

    [Id(5)]
    public required long Bytes { get; init; }

    [Id(6)]
    public required long FilesFromOrigin { get; init; }

    [Id(7)]
    public required long BytesFromOrigin { get; init; }

    [Id(8)]
    public required long ReusedBytes { get; init; }

    [Id(9)]
    public required long SharedBytes { get; init; }

    /// <summary>Of a mutable dataset that was found in another version.</summary>
    [Id(10)]
    public ChangesMessage? Changes { get; init; }

    [Id(11)]
    public DateTimeOffset? StaleSince { get; init; }

    [Id(12)]
    public required TimeSpan Elapsed { get; init; }

    [Id(13)]
    public required long BytesFromPeers { get; init; }
}

/// <summary>What of a mutable dataset changed since the version that was known before, in files.</summary>
[GenerateSerializer, Immutable, Alias("dscache.changes")]
public sealed record ChangesMessage([property: Id(0)] int Added, [property: Id(1)] int Changed, [property: Id(2)] int Removed);

/// <param name="Id">Who knows it may renew and release it.</param>
/// <param name="Ttl">How long it holds without being renewed.</param>
[GenerateSerializer, Immutable, Alias("dscache.lease")]
public sealed record LeaseMessage([property: Id(0)] string Id, [property: Id(1)] string CacheKey, [property: Id(2)] TimeSpan Ttl);

/// <param name="Code">The name of an error code of DatasetCache, for example <c>NotFound</c>; a newer node may name others.</param>
[GenerateSerializer, Immutable, Alias("dscache.failure")]
public sealed record FailureMessage(
    [property: Id(0)] string Code, [property: Id(1)] string Message, [property: Id(2)] string? Advice, [property: Id(3)] bool IsWorthRetrying);
