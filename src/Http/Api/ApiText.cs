using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Integrity;

namespace DatasetCache.Http.Api;

/// <summary>What a node says, as the API's documents.</summary>
internal static class ApiText
{
    private const int MostLines = 100;

    public static WorkDocument Of(NodeWork work) => new(
        work.Ticket,
        JsonNamingPolicy.CamelCase.ConvertName(work.State.ToString()),
        work.Progress is { } progress ? Of(progress) : work.Verifying is { } look ? new ProgressDocument("verifying", look.CacheKey, 0, 0, look.BytesDone, look.BytesTotal, 0) : null,
        work.Dataset is { } dataset ? Of(dataset) : null,
        work.Failure is { } failure ? new ErrorDocument(ApiProblem.CodeOf(failure.Code), failure.Message, failure.Advice, failure.IsWorthRetrying) : null)
    {
        Verified = work.Verified is { } verified ? Of(verified) : null,
    };

    private static VerifiedDocument Of(VerifyResult result) => new(
        result.CacheKey, JsonNamingPolicy.CamelCase.ConvertName(result.Outcome.ToString()), result.Found.Files, result.Found.Bytes, [.. result.Found.Lines.Take(MostLines)], result.Why);

    public static LeaseDocument Of(NodeLease lease) => new(lease.Id, lease.CacheKey, lease.Ttl.TotalSeconds);

    public static StatusDocument Of(NodeStatus status) => new(
        status.Node, status.Version, status.CacheRoot,
        new SpaceDocument(status.Space.Quota, status.Space.LowMark, status.Space.Used, status.Space.Entries, status.Space.Reserved, status.Space.Quarantined, status.Space.DiskFree, status.Space.MinFree),
        status.Entries, status.Bytes, status.Leases, [.. status.Working.Select(Of)], Math.Round(status.Uptime.TotalSeconds, 1));

    private static ProgressDocument Of(AcquireProgress progress) => new(
        JsonNamingPolicy.CamelCase.ConvertName(progress.Phase.ToString()), progress.CacheKey, progress.FilesDone, progress.FilesTotal, progress.BytesDone, progress.BytesTotal, progress.BytesFromOrigin);

    private static DatasetDocument Of(NodeDataset dataset) => new(
        dataset.Lease is { } lease ? Of(lease) : null, dataset.CacheKey, dataset.SnapshotPath, dataset.Outcome == AcquireOutcome.Hit ? "hit" : "miss", dataset.Files, dataset.Bytes,
        dataset.FilesFromOrigin, dataset.BytesFromOrigin, dataset.ReusedBytes, dataset.SharedBytes, dataset.BytesFromPeers, dataset.Changes, dataset.StaleSince, dataset.Elapsed.TotalSeconds);
}
