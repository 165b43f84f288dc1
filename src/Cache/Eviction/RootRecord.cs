namespace DatasetCache.Eviction;

/// <summary>roots/NAME.json: a job's link and the entry that it holds.</summary>
public sealed record RootRecord
{
    public required string Link { get; init; }

    public required string CacheKey { get; init; }

    public required LinkMode Mode { get; init; }

    public string? JobId { get; init; }

    /// <summary>The directory that was made for <see cref="LinkMode.Tree"/> and <see cref="LinkMode.Copy"/>: another one under its name is not ours.</summary>
    public ulong Inode { get; init; }

    public ulong Device { get; init; }

    public required DateTimeOffset Since { get; init; }
}
