namespace DatasetCache.Transfers;

/// <summary>A dataset that is being made ready in this process.</summary>
/// <param name="CacheKey">The name that it is going to have; until a mutable dataset has been listed, and of nothing else, null.</param>
/// <param name="Progress">How far it is, for everybody who waits for it.</param>
internal sealed record DatasetDownload(string? CacheKey, string Origin, string Prefix, string? DatasetId, string? SnapshotId, AcquireProgress Progress);
