namespace DatasetCache.Grains;

/// <summary>What a node's cache did over some days.</summary>
[GenerateSerializer, Immutable, Alias("dscache.usage")]
public sealed record UsageMessage
{
    /// <summary>Days (UTC) on which anything happened, the oldest first; a node keeps no more than 400.</summary>
    [Id(0)]
    public required ImmutableArray<DayMessage> Days { get; init; }

    /// <summary>Its most used cache keys over all these days, at most 100.</summary>
    [Id(1)]
    public ImmutableArray<KeyUsageMessage> Keys { get; init; } = [];
}

[GenerateSerializer, Immutable, Alias("dscache.usage.day")]
public sealed record DayMessage([property: Id(0)] DateOnly Day, [property: Id(1)] TallyMessage Tally);

[GenerateSerializer, Immutable, Alias("dscache.usage.key")]
public sealed record KeyUsageMessage([property: Id(0)] string CacheKey, [property: Id(1)] TallyMessage Tally);

/// <summary>Bytes are those of files, as their origins count them.</summary>
[GenerateSerializer, Immutable, Alias("dscache.usage.tally")]
public sealed record TallyMessage(
    [property: Id(0)] long Hits, [property: Id(1)] long Misses, [property: Id(2)] long Failures, [property: Id(3)] long BytesServed, [property: Id(4)] long BytesFromOrigin,
    [property: Id(5)] long BytesSaved, [property: Id(6)] long Evictions, [property: Id(7)] long BytesEvicted);

/// <summary>What all nodes' caches did, added up.</summary>
/// <param name="Usage">Of a key that is not among a node's most used hundred, that node's part is missing.</param>
/// <param name="Nodes">Whose figures are in it.</param>
/// <param name="Silent">Members of the cluster that did not answer: what they did is missing.</param>
[GenerateSerializer, Immutable, Alias("dscache.cluster.usage")]
public sealed record ClusterUsage([property: Id(0)] UsageMessage Usage, [property: Id(1)] ImmutableArray<string> Nodes, [property: Id(2)] ImmutableArray<string> Silent);
