namespace DatasetCache.Grains;

/// <param name="Node">The node's id.</param>
/// <param name="Endpoint">Where its data plane listens, host:port.</param>
/// <param name="CacheKey">What it is called there.</param>
/// <param name="Digest">SHA-256 of the entry's manifest document.</param>
[GenerateSerializer, Immutable, Alias("dscache.dataset.replica")]
public sealed record DatasetReplica(
    [property: Id(0)] string Node, [property: Id(1)] string Endpoint, [property: Id(2)] string CacheKey, [property: Id(3)] string Digest, [property: Id(4)] long Bytes);

/// <summary>A dataset's coordinator, bounded: lists are cut, numbers are whole.</summary>
[GenerateSerializer, Immutable, Alias("dscache.dataset.state")]
public sealed record DatasetState
{
    [Id(0)]
    public required string Key { get; init; }

    /// <summary>The silo that it lives on.</summary>
    [Id(1)]
    public required string Silo { get; init; }

    [Id(2)]
    public required string Epoch { get; init; }

    [Id(3)]
    public required TimeSpan Age { get; init; }

    [Id(4)]
    public required int ReplicaCount { get; init; }

    [Id(5)]
    public ImmutableArray<DatasetReplica> Replicas { get; init; } = [];

    /// <summary>Nodes that download it now.</summary>
    [Id(6)]
    public required int MemberCount { get; init; }

    [Id(7)]
    public ImmutableArray<DatasetMember> Members { get; init; } = [];

    /// <summary>Pieces that are being read from the origin, by all.</summary>
    [Id(8)]
    public required int Claims { get; init; }

    [Id(9)]
    public ImmutableArray<DatasetPlan> Plans { get; init; } = [];
}

/// <param name="Node">The node's id.</param>
/// <param name="Held">Pieces that it has.</param>
/// <param name="Claims">Pieces that it reads from the origin.</param>
[GenerateSerializer, Immutable, Alias("dscache.dataset.member")]
public sealed record DatasetMember(
    [property: Id(0)] string Node, [property: Id(1)] string Plan, [property: Id(2)] int Held, [property: Id(3)] int Claims);

/// <param name="Plan">Digest of the piece plan.</param>
/// <param name="Pieces">How many it has.</param>
/// <param name="Held">How many of them any node has.</param>
[GenerateSerializer, Immutable, Alias("dscache.dataset.plan")]
public sealed record DatasetPlan([property: Id(0)] string Plan, [property: Id(1)] int Pieces, [property: Id(2)] int Held, [property: Id(3)] int Members);
