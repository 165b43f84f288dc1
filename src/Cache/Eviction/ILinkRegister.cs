using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>Where job links are registered, so that they protect what they stand for.</summary>
internal interface ILinkRegister
{
    /// <summary>Whether a link must stand under its name when it is registered, because it is looked at.</summary>
    bool LooksAtLinks { get; }

    /// <summary>For making a directory under a link's name, which several ranks of a job may be about. Null where nobody else can.</summary>
    ValueTask<FileLock?> LockAsync(string link, CancellationToken cancellationToken);

    RootRecord? Find(string link);

    /// <param name="made">The directory that was made; nothing for a symbolic link.</param>
    ValueTask RegisterAsync(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made, CancellationToken cancellationToken);
}
