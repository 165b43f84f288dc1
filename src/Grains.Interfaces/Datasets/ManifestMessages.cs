namespace DatasetCache.Grains;

[GenerateSerializer, Immutable, Alias("dscache.manifest.request")]
public sealed record ManifestRequestMessage
{
    [Id(0)]
    public required PeerMessage From { get; init; }

    [Id(1)]
    public required EpochMessage Seen { get; init; }

    [Id(2)]
    public string? Listed { get; init; }

    [Id(3)]
    public string? Contradicted { get; init; }

    [Id(4)]
    public string? Failed { get; init; }

    [Id(5)]
    public TimeSpan? MaxAge { get; init; }

    [Id(6)]
    public string? JobId { get; init; }

    [Id(7)]
    public bool IsNotice { get; init; }

    /// <summary>How long ago the origin said what is <see cref="Listed"/>, as far as the node knows.</summary>
    [Id(8)]
    public TimeSpan ListedAge { get; init; }

    /// <summary>Orders the requests of a node; 0: not known.</summary>
    [Id(9)]
    public long Number { get; init; }
}

[GenerateSerializer, Alias("dscache.manifest.decision")]
public enum ManifestDecisionMessage
{
    Wait = 0,
    ListOrigin = 1,
    TakeListing = 2,
    TakeReplica = 3,
}

[GenerateSerializer, Immutable, Alias("dscache.manifest.reply")]
public sealed record ManifestReplyMessage
{
    [Id(0)]
    public required EpochMessage Epoch { get; init; }

    [Id(1)]
    public required ManifestDecisionMessage Decision { get; init; }

    [Id(2)]
    public string? Digest { get; init; }

    [Id(3)]
    public ImmutableArray<PeerMessage> Holders { get; init; } = [];

    [Id(4)]
    public TimeSpan Age { get; init; }

    [Id(5)]
    public TimeSpan Pause { get; init; }

    [Id(6)]
    public string? LastFailure { get; init; }
}
