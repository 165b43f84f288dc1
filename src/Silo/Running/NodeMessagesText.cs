using System.Security.Cryptography;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Datasets;

namespace DatasetCache.Silo.Running;

/// <summary>What another node's grain says, as the API's documents; and what it is asked.</summary>
internal static class NodeMessagesText
{
    public static string NewTicket() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    public static DatasetMessage ToMessage(DatasetRef dataset) => new()
    {
        Origin = dataset.Origin,
        SnapshotId = dataset.SnapshotId,
        DatasetId = dataset.DatasetId,
        VersionHash = dataset.VersionHash,
        Selection = (SelectionMessage)dataset.Selection.Mode,
        Include = [.. dataset.Selection.Include],
        Exclude = [.. dataset.Selection.Exclude],
    };

    public static AcquireMessage ToMessage(NodeAcquire request) => new()
    {
        Dataset = ToMessage(request.Dataset),
        Ticket = request.Ticket ?? NewTicket(),
        AllowMissing = request.AllowMissing,
        Refresh = request.Refresh,
        Hold = request.Hold,
        JobId = request.JobId,
    };

    public static WorkDocument Of(WorkMessage work) => new(
        work.Ticket, Camel(work.State.ToString()),
        work.Progress is { } at ? new ProgressDocument(Camel(at.Phase), at.CacheKey, at.FilesDone, at.FilesTotal, at.BytesDone, at.BytesTotal, at.BytesFromOrigin) : null,
        work.Ready is { } ready ? Of(ready) : null,
        work.Failure is { } failure ? new ErrorDocument(Camel(failure.Code), failure.Message, failure.Advice, failure.IsWorthRetrying) : null)
    {
        Verified = work.Verified is { } verified ? new VerifiedDocument(verified.CacheKey, Camel(verified.Outcome), verified.Files, verified.Bytes, verified.Found, verified.Why) : null,
    };

    /// <summary>Null where there was no such entry.</summary>
    public static EvictedDocument? Of(EvictedMessage evicted) => evicted.Outcome is "NotFound" ? null : new EvictedDocument(
        evicted.CacheKey, evicted.Outcome is "Evicted" ? "evicted" : "protected", evicted.FreedBytes,
        evicted.Details.IsDefaultOrEmpty
            ? [.. evicted.Protections.Select(reason => new ProtectionDocument("unknown", reason, Until: null))]
            : [.. evicted.Details.Select(why => new ProtectionDocument(Camel(why.Kind), why.Reason, why.Until))]);

    public static EntryDocument Of(EntryDetailMessage detail)
    {
        var entry = detail.Entry;
        return new EntryDocument
        {
            CacheKey = entry.CacheKey,
            State = entry.Broken is null ? "ready" : "broken",
            Path = detail.Path,
            Origin = entry.Origin,
            DatasetPrefix = entry.Prefix,
            DatasetId = detail.DatasetId,
            SnapshotId = entry.SnapshotId,
            VersionHash = detail.VersionHash,
            Selection = detail.Selection.ReplaceLineEndings(" "),
            SelectionReason = detail.SelectionReason,
            ManifestDigest = entry.Digest,
            Files = entry.Files,
            Bytes = entry.Bytes,
            BytesDone = entry.Bytes,
            OwnBytes = detail.OwnBytes,
            MissingCount = detail.MissingCount,
            PublishedAt = detail.PublishedAt,
            LastUsedAt = entry.LastUsedAt,
            Uses = detail.Uses,
            Leases = detail.Leases,
            IsLeased = entry.IsLeased,
            IsPinned = entry.IsPinned,
            Priority = Camel(detail.Priority.ToString()),
            ExpiresAt = detail.ExpiresAt,
            FreeableBytes = detail.FreeableBytes,
            Holders = [.. detail.JobLinks.Select(link => new EntryHolderDocument(link.Link, link.JobId, link.Since, link.Until))],
            ProtectedBy = [.. detail.Protections.Select(why => why.Reason)],
            Protections = [.. detail.Protections.Select(why => new ProtectionDocument(Camel(why.Kind), why.Reason, why.Until))],
            Broken = entry.Broken,
        };
    }

    private static DatasetDocument Of(ReadyMessage ready) => new(
        Lease: null, ready.CacheKey, ready.SnapshotPath, ready.IsHit ? "hit" : "miss", ready.Files, ready.Bytes, ready.FilesFromOrigin, ready.BytesFromOrigin, ready.ReusedBytes, ready.SharedBytes,
        ready.BytesFromPeers, ready.Changes is { } changes ? new VersionChanges(changes.Added, changes.Changed, changes.Removed) : null, ready.StaleSince, ready.Elapsed.TotalSeconds);

    private static string Camel(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);
}
