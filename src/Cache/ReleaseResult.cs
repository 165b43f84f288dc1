namespace DatasetCache;

/// <summary>What letting go of a job's dataset did.</summary>
/// <param name="Link">The job's link.</param>
/// <param name="CacheKey">The entry that it held, where that is known.</param>
/// <param name="Removed">Whether there was a link, which is gone now.</param>
/// <param name="KeptFiles">Files that somebody put into a tree of links: they and their directories stay.</param>
public sealed record ReleaseResult(string Link, string? CacheKey, bool Removed, int KeptFiles);
