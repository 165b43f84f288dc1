namespace DatasetCache.Grains;

[GenerateSerializer, Alias("dscache.selection")]
public enum SelectionMessage
{
    Auto = 0,
    Annotated = 1,
    All = 2,
}

/// <summary>A dataset version at an origin.</summary>
[GenerateSerializer, Immutable, Alias("dscache.datasetRef")]
public sealed record DatasetMessage
{
    [Id(0)]
    public string? Origin { get; init; }

    [Id(1)]
    public string? SnapshotId { get; init; }

    [Id(2)]
    public string? DatasetId { get; init; }

    [Id(3)]
    public string? VersionHash { get; init; }

    [Id(4)]
    public SelectionMessage Selection { get; init; }

    [Id(5)]
    public ImmutableArray<string> Include { get; init; } = [];

    [Id(6)]
    public ImmutableArray<string> Exclude { get; init; } = [];
}

[GenerateSerializer, Immutable, Alias("dscache.acquire")]
public sealed record AcquireMessage
{
    [Id(0)]
    public required DatasetMessage Dataset { get; init; }

    /// <summary>The caller's name for this acquire, at most 64 of A-Z, a-z, 0-9, '-' and '_': whoever asks again with it joins what was started.</summary>
    [Id(1)]
    public required string Ticket { get; init; }

    [Id(2)]
    public bool AllowMissing { get; init; }

    [Id(3)]
    public bool Refresh { get; init; }

    /// <summary>Protect the dataset for so long whatever happens to the lease.</summary>
    [Id(4)]
    public TimeSpan? Hold { get; init; }

    [Id(5)]
    public string? JobId { get; init; }
}

/// <param name="Lease">A lease on the entry that the link stands for.</param>
[GenerateSerializer, Immutable, Alias("dscache.link")]
public sealed record LinkMessage(
    [property: Id(0)] string Link, [property: Id(1)] LinkModeMessage Mode, [property: Id(2)] string Lease, [property: Id(3)] string? JobId);

[GenerateSerializer, Alias("dscache.linkMode")]
public enum LinkModeMessage
{
    Symlink = 0,
    Tree = 1,
    Copy = 2,
}

[GenerateSerializer, Alias("dscache.linkOutcome")]
public enum LinkOutcomeMessage
{
    Registered = 0,
    /// <summary>The lease ran out or is unknown.</summary>
    NoLease = 1,
    /// <summary>The node does not see the link, or it stands for something else there: it protects nothing, keep the lease.</summary>
    NotSeen = 2,
}
