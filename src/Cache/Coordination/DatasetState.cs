namespace DatasetCache.Coordination;

/// <summary>What operators see of a dataset's coordinator: plain and bounded, whatever the size of the cluster.</summary>
internal sealed record DatasetState
{
    /// <summary>How many replicas, plans and members are listed at most.</summary>
    public const int Listed = 100;

    public required string Key { get; init; }

    public required Epoch Epoch { get; init; }

    /// <summary>Another activation is the real one; this one ends.</summary>
    public bool IsDeposed { get; init; }

    /// <summary>Waits for live nodes to say what they hold before it gives out origin reads.</summary>
    public bool IsLearning { get; init; }

    /// <summary>Live nodes of the cluster, as far as this coordinator was told.</summary>
    public int LiveNodes { get; init; }

    /// <summary>SHA-256 of the listing that is handed out; null for none.</summary>
    public string? Listing { get; init; }

    public TimeSpan? ListingAge { get; init; }

    /// <summary>The node that lists the origin now; null for none.</summary>
    public string? Lister { get; init; }

    public int ReplicaCount { get; init; }

    /// <summary>At most <see cref="Listed"/>.</summary>
    public IReadOnlyList<ReplicaState> Replicas { get; init; } = [];

    /// <summary>The node that may evict its replica now; null for none.</summary>
    public string? Evicting { get; init; }

    public int PlanCount { get; init; }

    /// <summary>At most <see cref="Listed"/>.</summary>
    public IReadOnlyList<PlanState> Plans { get; init; } = [];
}

internal sealed record ReplicaState(string Node, string Endpoint, string CacheKey, string Digest, long Bytes);

/// <summary>One piece plan under way.</summary>
internal sealed record PlanState
{
    public required string Plan { get; init; }

    public int Pieces { get; init; }

    /// <summary>Pieces that at least one node has.</summary>
    public int Covered { get; init; }

    /// <summary>Pieces being read from the origin now.</summary>
    public int OriginClaims { get; init; }

    /// <summary>Reads of the origin, of one or several pieces each, that may be open at a time.</summary>
    public int OriginWindow { get; init; }

    public int MemberCount { get; init; }

    /// <summary>At most <see cref="DatasetState.Listed"/>.</summary>
    public IReadOnlyList<MemberState> Members { get; init; } = [];
}

/// <param name="Held">Pieces that it has.</param>
/// <param name="OriginClaims">Pieces that it reads from the origin.</param>
/// <param name="Downloads">Pieces that it gets from others.</param>
/// <param name="Uploads">Pieces that others get from it.</param>
/// <param name="Silence">How long ago it reported.</param>
internal sealed record MemberState(string Node, int Held, int OriginClaims, int Downloads, int Uploads, bool IsSourceOnly, TimeSpan Silence);
