using System.Text.Json.Serialization;

namespace DatasetCache.Http.Api;

// What the local HTTP API reads and writes. Names and meanings are stable; fields may be added, and what is not known is passed over.

internal sealed record AcquireBody
{
    public required DatasetBody Dataset { get; init; }

    /// <summary>The caller's own name for this acquire: asked again with it, it is the same one.</summary>
    public string? Ticket { get; init; }

    public bool AllowMissing { get; init; }

    public bool Refresh { get; init; }

    public bool Prefetch { get; init; }

    /// <summary>Seconds.</summary>
    public double? Hold { get; init; }

    public string? JobId { get; init; }

    /// <summary>Seconds to wait for a miss before the answer is a ticket, 0 to 5.</summary>
    public double Wait { get; init; }

    /// <summary>The S3 endpoint that the caller's settings name, if they name one.</summary>
    public string? Endpoint { get; init; }
}

internal sealed record DatasetBody
{
    public string? Origin { get; init; }

    public string? SnapshotId { get; init; }

    public string? DatasetId { get; init; }

    public string? VersionHash { get; init; }

    /// <summary><c>auto</c>, <c>annotated</c> or <c>all</c>.</summary>
    public string? Select { get; init; }

    public IReadOnlyList<string>? Include { get; init; }

    public IReadOnlyList<string>? Exclude { get; init; }
}

internal sealed record LinkBody
{
    public required string Link { get; init; }

    /// <summary><c>symlink</c>, <c>tree</c> or <c>copy</c>.</summary>
    public string Mode { get; init; } = "symlink";

    public required string Lease { get; init; }

    public string? JobId { get; init; }
}

internal sealed record LoginBody(string Token);

internal sealed record LinkAnswer(string Outcome);

/// <param name="State"><c>running</c>, <c>done</c>, <c>failed</c> or, where it was given up, <c>unknown</c>.</param>
internal sealed record WorkDocument(string Ticket, string State, ProgressDocument? Progress, DatasetDocument? Dataset, ErrorDocument? Error)
{
    /// <summary>Of a verify that is done.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public VerifiedDocument? Verified { get; init; }
}

/// <param name="Outcome"><c>sound</c>, <c>healed</c>, <c>withdrawn</c>, <c>quarantined</c>, or <c>notFound</c> where it is gone.</param>
/// <param name="Found">What was wrong, a line each, at most 100.</param>
/// <param name="Why">Why it is not healed.</param>
internal sealed record VerifiedDocument(string CacheKey, string Outcome, long Files, long BytesRead, IReadOnlyList<string> Found, string? Why);

internal sealed record ProgressDocument(
    string Phase, string CacheKey, long FilesDone, long FilesTotal, long BytesDone, long BytesTotal, long BytesFromOrigin);

internal sealed record DatasetDocument(
    LeaseDocument? Lease, string CacheKey, string SnapshotPath, string Outcome, long Files, long Bytes, long FilesFromOrigin, long BytesFromOrigin, long ReusedBytes, long SharedBytes, long BytesFromPeers,
    VersionChanges? Changes, DateTimeOffset? StaleSince, double Seconds);

internal sealed record LeaseDocument(string Id, string CacheKey, double TtlSeconds);

internal sealed record ErrorDocument(string Code, string Message, string? Advice, bool IsTransient);

/// <summary>RFC 9457, with what the command line needs to say the same as without a node.</summary>
internal sealed record ProblemDocument(string Type, string Title, int Status, string Detail, string Code, string Message, string? Advice, bool IsTransient);

internal sealed record StatusDocument(
    string Node, string Version, string CacheRoot, SpaceDocument Space, int Entries, long Bytes, int Leases, IReadOnlyList<WorkDocument> Working, double UptimeSeconds);

/// <summary>Bytes a second and percent; 0 for no bound.</summary>
internal sealed record LimitsDocument(long UploadBytesPerSecond, long DownloadBytesPerSecond, int CpuPercent);

/// <summary>What is to change; null for what stays.</summary>
internal sealed record LimitsBody(long? UploadBytesPerSecond = null, long? DownloadBytesPerSecond = null, int? CpuPercent = null);

internal sealed record SpaceDocument(long Quota, long LowMark, long Used, long Entries, long Reserved, long Quarantined, long DiskFree, long MinFree);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AcquireBody))]
[JsonSerializable(typeof(LoginBody))]
[JsonSerializable(typeof(LinkBody))]
[JsonSerializable(typeof(LinkAnswer))]
[JsonSerializable(typeof(WorkDocument))]
[JsonSerializable(typeof(LeaseDocument))]
[JsonSerializable(typeof(ProblemDocument))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(LimitsDocument))]
[JsonSerializable(typeof(LimitsBody))]
internal sealed partial class ApiJson : JsonSerializerContext;
