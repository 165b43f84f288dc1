using System.Text.Json.Serialization;

namespace DatasetCache.Http.Health;

/// <summary>What GET /health says. Its names are those that the platform's people know; counts are since the node began.</summary>
internal sealed record HealthDocument
{
    /// <summary><c>healthy</c>, <c>degraded</c> or <c>unhealthy</c>.</summary>
    public required string Status { get; init; }

    public required string Node { get; init; }

    public required string Version { get; init; }

    public required double UptimeSeconds { get; init; }

    /// <summary>Files answered from memory.</summary>
    public required long L1Hits { get; init; }

    /// <summary>Datasets that were on this node's disk, or were being fetched for another caller; and files read from it.</summary>
    public required long L2Hits { get; init; }

    /// <summary>Datasets and files of which bytes were read from the origin for it.</summary>
    public required long L3Hits { get; init; }

    /// <summary>Datasets and files that came from other nodes alone.</summary>
    public required long PeerHits { get; init; }

    /// <summary>Entries that went from the disk.</summary>
    public required long Evictions { get; init; }

    /// <summary>Acquires that joined one under way, and requests for a file that waited for another's load.</summary>
    public required long StampedePrevented { get; init; }

    /// <summary>All of the four kinds of hits, and what failed.</summary>
    public required long TotalRequests { get; init; }

    public required long FailedRequests { get; init; }

    /// <summary>Of the files that might have been in memory, 0 to 1; 0 before the first.</summary>
    public required double L1HitRate { get; init; }

    /// <summary>Of what memory did not answer, 0 to 1; 0 before the first.</summary>
    public required double L2HitRate { get; init; }

    public required long L1SizeBytes { get; init; }

    public required long L1LimitBytes { get; init; }

    /// <summary>What entries, downloads under way and quarantine take of the limit.</summary>
    public required long L2SizeBytes { get; init; }

    /// <summary>cache.maxSize; null until the entries have been counted.</summary>
    public required long? L2LimitBytes { get; init; }

    public required long? DiskFreeBytes { get; init; }

    public required long? DiskFloorBytes { get; init; }

    public required int Entries { get; init; }

    public required int Leases { get; init; }

    public required HealthFeatures Features { get; init; }

    /// <summary>Why it is not healthy, by check; empty where it is.</summary>
    public required IReadOnlyDictionary<string, string> Problems { get; init; }
}

/// <summary>What this node does.</summary>
internal sealed record HealthFeatures(bool MemoryTier, bool PeerTransfer, bool StampedePrevention, bool AdaptiveTtl, bool IntegrityScrub, bool Leases, bool Prometheus, bool Otlp);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HealthDocument))]
internal sealed partial class HealthJson : JsonSerializerContext;
