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

    /// <summary>How long this activation lives.</summary>
    [Id(3)]
    public required TimeSpan Age { get; init; }

    /// <summary>Waits for nodes to say what they hold before it gives out origin reads.</summary>
    [Id(4)]
    public bool IsLearning { get; init; }

    /// <summary>Nodes of the cluster, as far as it knows.</summary>
    [Id(5)]
    public int LiveNodes { get; init; }

    /// <summary>SHA-256 of the listing that nodes hand on; null for none.</summary>
    [Id(6)]
    public string? Listing { get; init; }

    [Id(7)]
    public TimeSpan? ListingAge { get; init; }

    /// <summary>The node that lists the origin now; null for none.</summary>
    [Id(8)]
    public string? Lister { get; init; }

    /// <summary>The node that may evict its replica now; null for none.</summary>
    [Id(9)]
    public string? Evicting { get; init; }

    [Id(10)]
    public int ReplicaCount { get; init; }

    /// <summary>At most 100.</summary>
    [Id(11)]
    public ImmutableArray<DatasetReplica> Replicas { get; init; } = [];

    [Id(12)]
    public int PlanCount { get; init; }

    /// <summary>What is being downloaded, at most 100.</summary>
    [Id(13)]
    public ImmutableArray<DatasetPlan> Plans { get; init; } = [];
}

/// <summary>A plan of pieces that nodes download together.</summary>
[GenerateSerializer, Immutable, Alias("dscache.dataset.plan")]
public sealed record DatasetPlan
{
    /// <summary>The plan's digest.</summary>
    [Id(0)]
    public required string Plan { get; init; }

    [Id(1)]
    public int Pieces { get; init; }

    /// <summary>Pieces that any node has.</summary>
    [Id(2)]
    public int Covered { get; init; }

    /// <summary>Pieces being read from the origin now, by all.</summary>
    [Id(3)]
    public int OriginClaims { get; init; }

    [Id(4)]
    public int MemberCount { get; init; }

    /// <summary>At most 100.</summary>
    [Id(5)]
    public ImmutableArray<DatasetMember> Members { get; init; } = [];
}

/// <param name="Node">The node's id.</param>
/// <param name="Held">Pieces that it has.</param>
/// <param name="OriginClaims">Pieces that it reads from the origin now.</param>
/// <param name="Silence">How long ago it reported.</param>
[GenerateSerializer, Immutable, Alias("dscache.dataset.member")]
public sealed record DatasetMember(
    [property: Id(0)] string Node, [property: Id(1)] int Held, [property: Id(2)] int OriginClaims, [property: Id(3)] TimeSpan Silence);
