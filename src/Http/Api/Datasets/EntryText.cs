using System.Text.Json;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Http.Api.Datasets;

/// <summary>What the engine knows of its entries, as the API's documents.</summary>
internal static class EntryText
{
    public static EntryDocument Of(INodeService node, EntrySummary entry) => new()
    {
        CacheKey = entry.CacheKey,
        State = entry.Broken is null ? "ready" : "broken",
        Path = entry.Path,
        Origin = entry.Origin,
        DatasetPrefix = entry.DatasetPrefix,
        DatasetId = entry.DatasetId,
        SnapshotId = entry.SnapshotId,
        VersionHash = entry.VersionHash,
        Selection = entry.Selection.ReplaceLineEndings(" "),
        SelectionReason = entry.SelectionReason,
        ManifestDigest = entry.ManifestDigest,
        Files = entry.Files,
        Bytes = entry.Bytes,
        BytesDone = entry.Bytes,
        OwnBytes = entry.OwnBytes,
        MissingCount = entry.MissingCount,
        PublishedAt = entry.PublishedAt,
        LastUsedAt = entry.LastUsedAt,
        Uses = entry.Uses,
        Leases = Math.Max(node.LeasesOn(entry.CacheKey), entry.IsLeased ? 1 : 0),
        IsLeased = entry.IsLeased,
        IsPinned = entry.IsPinned,
        Priority = Camel(entry.Priority),
        ExpiresAt = entry.ExpiresAt,
        FreeableBytes = entry.FreeableBytes,
        Holders = [.. entry.Holders.Select(holder => new EntryHolderDocument(holder.Link, holder.JobId, holder.Since, holder.Until))],
        ProtectedBy = [.. entry.Protections.Select(protection => protection.Reason)],
        Protections = Of(entry.Protections),
        Broken = entry.Broken,
    };

    /// <summary>Of one that is on its way.</summary>
    public static EntryDocument Of(NodeCell cell) => new()
    {
        CacheKey = cell.CacheKey,
        State = Camel(cell.State),
        Origin = cell.Origin,
        DatasetPrefix = cell.Prefix,
        DatasetId = cell.DatasetId,
        SnapshotId = cell.SnapshotId,
        Files = cell.Files,
        Bytes = cell.Bytes,
        BytesDone = cell.BytesDone,
    };

    public static IReadOnlyList<ProtectionDocument> Of(IEnumerable<Protection> protections)
        => [.. protections.Select(protection => new ProtectionDocument(Camel(protection.Kind), protection.Reason, protection.Until))];

    /// <summary>Null where there was no such entry.</summary>
    public static EvictedDocument? Of(EvictionResult result) => result.Outcome == EvictionOutcome.NotFound ? null
        : new EvictedDocument(result.CacheKey, result.Outcome == EvictionOutcome.Evicted ? "evicted" : "protected", result.FreedBytes, Of(result.Protections));

    public static EventDocument Of(EntryEvent happened, string node) => new(happened.At, happened.Kind, happened.Detail, node, happened.CacheKey);

    public static string Camel<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
