namespace DatasetCache.Cli.Acquiring;

/// <summary>What <c>get --json</c> prints. Names and meanings are stable; fields may be added.</summary>
internal sealed record AcquireReport(
    string Path,
    string CacheKey,
    string Outcome,
    long Files,
    long Bytes,
    long BytesFromOrigin,
    long FilesFromOrigin,
    long ReusedBytes,
    long SharedBytes,
    long BytesFromPeers,
    double Seconds,
    string SnapshotPath,
    VersionChanges? Changes,
    DateTimeOffset? StaleSince)
{
    public static AcquireReport Of(DatasetLease lease) => new(
        lease.Path, lease.CacheKey, lease.Outcome == AcquireOutcome.Hit ? "hit" : "miss", lease.Files, lease.Bytes,
        lease.BytesFromOrigin, lease.FilesFromOrigin, lease.ReusedBytes, lease.SharedBytes, lease.BytesFromPeers, Math.Round(lease.Elapsed.TotalSeconds, 4), lease.SnapshotPath, lease.Changes, lease.StaleSince);
}
