using System.Text.Json.Serialization;

namespace DatasetCache.Http.Api.Datasets;

// What is said of an entry of a node's cache: what `dscache ls --json` and `inspect --json` say, by the same names, and more. Sizes are bytes, times are UTC.

/// <param name="Next">What to give as <c>after</c> for the next page; null for none.</param>
internal sealed record EntryListDocument(IReadOnlyList<EntryDocument> Datasets, string? Next);

internal sealed record EntryDocument
{
    public required string CacheKey { get; init; }

    /// <summary><c>ready</c>, <c>downloading</c>, <c>broken</c> or <c>lazy</c>.</summary>
    public required string State { get; init; }

    /// <summary>Null while it is on its way, as all that is only known of what is there.</summary>
    public string? Path { get; init; }

    public required string Origin { get; init; }

    public required string DatasetPrefix { get; init; }

    public string? DatasetId { get; init; }

    public string? SnapshotId { get; init; }

    public string? VersionHash { get; init; }

    public string? Selection { get; init; }

    public string? SelectionReason { get; init; }

    public string? ManifestDigest { get; init; }

    public required long Files { get; init; }

    public required long Bytes { get; init; }

    public required long BytesDone { get; init; }

    public long OwnBytes { get; init; }

    public int MissingCount { get; init; }

    public DateTimeOffset? PublishedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public long Uses { get; init; }

    public int Leases { get; init; }

    public bool IsLeased { get; init; }

    public bool IsPinned { get; init; }

    /// <summary><c>low</c>, <c>normal</c> or <c>high</c>.</summary>
    public string Priority { get; init; } = "normal";

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Null in a list.</summary>
    public long? FreeableBytes { get; init; }

    public IReadOnlyList<EntryHolderDocument> Holders { get; init; } = [];

    public IReadOnlyList<string> ProtectedBy { get; init; } = [];

    public IReadOnlyList<ProtectionDocument> Protections { get; init; } = [];

    public string? Broken { get; init; }

    /// <summary>The nodes that hold it. Left out in a list.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ReplicaDocument>? Replicas { get; init; }

    /// <summary>What is under way with it here. Left out in a list.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<WorkDocument>? Work { get; init; }
}

internal sealed record EntryHolderDocument(string Link, string? JobId, DateTimeOffset Since, DateTimeOffset? Until);

/// <param name="Kind"><c>lease</c>, <c>jobLink</c>, <c>pin</c>, <c>hold</c> or <c>notRemovable</c>.</param>
/// <param name="Reason">For people, with what ends it.</param>
internal sealed record ProtectionDocument(string Kind, string Reason, DateTimeOffset? Until);

internal sealed record ReplicaDocument(string Node, string Digest);

/// <summary>The newest first.</summary>
internal sealed record HistoryDocument(IReadOnlyList<EventDocument> Events);

/// <param name="Event"><c>downloaded</c>, <c>prefetched</c>, <c>updated</c>, <c>verified</c>, <c>healed</c>, <c>broken</c>, <c>evicted</c>, <c>pinned</c>, <c>unpinned</c> or <c>priority</c>.</param>
/// <param name="Detail">For people.</param>
/// <param name="Node">Where it happened.</param>
internal sealed record EventDocument(DateTimeOffset At, string Event, string Detail, string Node, string CacheKey);

internal sealed record PriorityBody(string Priority);

internal sealed record VerifyBody
{
    /// <summary><c>fast</c>, <c>pieces</c> or <c>full</c>. Default: pieces.</summary>
    public string? Level { get; init; }

    /// <summary>Default: true.</summary>
    public bool? Heal { get; init; }

    /// <summary>The caller's own name for it.</summary>
    public string? Ticket { get; init; }
}

/// <param name="Outcome"><c>evicted</c> or <c>protected</c>.</param>
/// <param name="FreedBytes">What the disk got back, or with a dry run would.</param>
internal sealed record EvictedDocument(string CacheKey, string Outcome, long FreedBytes, IReadOnlyList<ProtectionDocument> Protections);

/// <summary>What clearing came to: protected entries stay.</summary>
internal sealed record ClearedDocument(IReadOnlyList<EvictedDocument> Evicted, IReadOnlyList<EvictedDocument> Kept, long FreedBytes);

/// <summary>As <c>dscache stats --json</c>. Days on which nothing happened are left out; <c>entries</c> are the most used keys.</summary>
/// <param name="Nodes">Whose figures these are, added up.</param>
/// <param name="Silent">Nodes of the cluster that did not answer: what they did is missing.</param>
internal sealed record StatisticsDocument(
    string From, string To, IReadOnlyList<string> Nodes, IReadOnlyList<string> Silent, TallyDocument Total, IReadOnlyList<DayDocument> Days, IReadOnlyList<EntryTallyDocument> Entries);

internal sealed record DayDocument(string Day, TallyDocument Tally);

internal sealed record EntryTallyDocument(string CacheKey, TallyDocument Tally);

/// <param name="HitRate">0 to 1; null without requests.</param>
internal sealed record TallyDocument(
    long Hits, long Misses, double? HitRate, long Failures, long BytesServed, long BytesFromOrigin, long BytesSaved, long Evictions, long BytesEvicted);
