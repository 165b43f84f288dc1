namespace DatasetCache.Grains;

[GenerateSerializer, Immutable, Alias("dscache.replica.report")]
public sealed record ReplicaReportMessage
{
    [Id(0)]
    public required PeerMessage From { get; init; }

    [Id(1)]
    public required EpochMessage Seen { get; init; }

    [Id(2)]
    public required string CacheKey { get; init; }

    [Id(3)]
    public required string Digest { get; init; }

    [Id(4)]
    public required long Bytes { get; init; }

    [Id(5)]
    public bool Withdrawn { get; init; }
}

[GenerateSerializer, Immutable, Alias("dscache.replica.reply")]
public sealed record ReplicaReplyMessage([property: Id(0)] EpochMessage Epoch, [property: Id(1)] int Others);

[GenerateSerializer, Immutable, Alias("dscache.eviction.request")]
public sealed record EvictionRequestMessage([property: Id(0)] PeerMessage From, [property: Id(1)] EpochMessage Seen, [property: Id(2)] bool Redundant);

[GenerateSerializer, Immutable, Alias("dscache.eviction.reply")]
public sealed record EvictionReplyMessage([property: Id(0)] EpochMessage Epoch, [property: Id(1)] bool Granted, [property: Id(2)] int Others);

/// <summary>What a node knows about its own part in a dataset.</summary>
[GenerateSerializer, Immutable, Alias("dscache.holding")]
public sealed record NodeHoldingMessage
{
    [Id(0)]
    public required PeerMessage From { get; init; }

    [Id(1)]
    public required EpochMessage Seen { get; init; }

    [Id(2)]
    public ReplicaReportMessage? Replica { get; init; }

    [Id(3)]
    public string? Listing { get; init; }

    [Id(4)]
    public TimeSpan ListingAge { get; init; }

    [Id(5)]
    public ImmutableArray<MemberReportMessage> Downloads { get; init; } = [];
}
