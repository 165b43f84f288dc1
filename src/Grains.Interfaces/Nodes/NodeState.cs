namespace DatasetCache.Grains;

/// <summary>What a node is and has. Sizes are bytes. Bounded.</summary>
[GenerateSerializer, Immutable, Alias("dscache.node.state")]
public sealed record NodeState
{
    [Id(0)]
    public required string Node { get; init; }

    [Id(1)]
    public required string Version { get; init; }

    /// <summary>Where its data plane listens.</summary>
    [Id(2)]
    public required string Endpoint { get; init; }

    [Id(3)]
    public required string CacheRoot { get; init; }

    [Id(4)]
    public required TimeSpan Uptime { get; init; }

    [Id(5)]
    public required int Entries { get; init; }

    [Id(6)]
    public required long Bytes { get; init; }

    [Id(7)]
    public required int Leases { get; init; }

    /// <summary>The most that the cache may take of its disk.</summary>
    [Id(8)]
    public required long Quota { get; init; }

    [Id(9)]
    public required long Used { get; init; }

    [Id(10)]
    public required long DiskFree { get; init; }

    [Id(11)]
    public required long MinFree { get; init; }

    /// <summary>What is under way, at most 100.</summary>
    [Id(12)]
    public ImmutableArray<WorkMessage> Working { get; init; } = [];

    /// <summary>Of the last ten seconds; null from an older node.</summary>
    [Id(13)]
    public RatesMessage? Rates { get; init; }

    /// <summary>Of the memory tier.</summary>
    [Id(14)]
    public long MemoryUsed { get; init; }

    [Id(15)]
    public long MemoryLimit { get; init; }

    /// <summary>What it is making ready, at most 100.</summary>
    [Id(16)]
    public ImmutableArray<DownloadMessage> Downloads { get; init; } = [];
}
