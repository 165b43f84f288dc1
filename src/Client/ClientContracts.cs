using DatasetCache.Datasets;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Client;

/// <summary>The library's words in those of the grains' contracts, and back.</summary>
internal static class ClientContracts
{
    public static DatasetMessage ToMessage(this DatasetRef dataset) => new()
    {
        Origin = dataset.Origin is { } origin && !origin.Contains("://", StringComparison.Ordinal) ? Path.GetFullPath(origin) : dataset.Origin,
        SnapshotId = dataset.SnapshotId,
        DatasetId = dataset.DatasetId,
        VersionHash = dataset.VersionHash,
        Selection = (SelectionMessage)dataset.Selection.Mode,
        Include = [.. dataset.Selection.Include],
        Exclude = [.. dataset.Selection.Exclude],
    };

    public static AcquireMessage ToMessage(this AcquireRequest request, string ticket) => new()
    {
        Dataset = request.Dataset.ToMessage(),
        Ticket = ticket,
        AllowMissing = request.AllowMissing,
        Refresh = request.Refresh,
        Hold = request.Hold,
        JobId = request.JobId,
    };

    public static LinkMessage ToMessage(this NodeLink link) => new(link.Link, (LinkModeMessage)link.Mode, link.Lease, link.JobId);

    public static NodeLinkOutcome ToOutcome(this LinkOutcomeMessage outcome) => outcome switch
    {
        LinkOutcomeMessage.Registered => NodeLinkOutcome.Registered,
        LinkOutcomeMessage.NoLease => NodeLinkOutcome.NoLease,
        _ => NodeLinkOutcome.NotSeen,
    };

    public static AcquireProgress ToProgress(this ProgressMessage progress) => new(
        Enum.TryParse<AcquirePhase>(progress.Phase, ignoreCase: false, out var phase) ? phase : AcquirePhase.Downloading,
        progress.CacheKey, progress.FilesDone, progress.FilesTotal, progress.BytesDone, progress.BytesTotal, progress.BytesFromOrigin);

    public static NodeException ToException(this FailureMessage failure)
        => new(Enum.TryParse<ErrorCode>(failure.Code, ignoreCase: false, out var code) ? code : ErrorCode.Internal, failure.Message, failure.Advice, failure.IsWorthRetrying);
}
