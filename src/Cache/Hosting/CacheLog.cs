using Microsoft.Extensions.Logging;

namespace DatasetCache.Hosting;

/// <summary>Writes a cache's events to the host's log.</summary>
internal static partial class CacheLog
{
    public static void Follow(LocalDatasetCache cache, ILogger logger)
    {
        cache.Evicted += (_, gone) => Evicted(logger, gone.CacheKey, gone.FreedBytes, gone.Cause);
        cache.Updated += (_, update) => Updated(logger, update.PreviousKey, update.CacheKey, update.Changes.Added, update.Changes.Changed, update.Changes.Removed);
        cache.Invalidated += (_, broken) => Invalidated(logger, broken.CacheKey, broken.Outcome, broken.Reason);
        cache.HandlerFailed += (_, failure) => HandlerFailed(logger, failure.GetException());
    }

    [LoggerMessage(1, LogLevel.Information, "Evicted {CacheKey}: {FreedBytes} bytes freed ({Cause})")]
    private static partial void Evicted(ILogger logger, string cacheKey, long freedBytes, Eviction.EvictionCause cause);

    [LoggerMessage(2, LogLevel.Information, "{CacheKey} takes the place of {PreviousKey}: {Added} files added, {Changed} changed, {Removed} removed")]
    private static partial void Updated(ILogger logger, string previousKey, string cacheKey, int added, int changed, int removed);

    [LoggerMessage(3, LogLevel.Warning, "{CacheKey} was found broken ({Outcome}): {Reason}")]
    private static partial void Invalidated(ILogger logger, string cacheKey, Integrity.VerifyOutcome outcome, string reason);

    [LoggerMessage(4, LogLevel.Error, "A handler of an event of the dataset cache threw")]
    private static partial void HandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(5, LogLevel.Error, "Keeping the dataset cache healthy failed, and is tried again: {Advice}")]
    public static partial void MaintenanceFailed(ILogger logger, string? advice, Exception exception);

    [LoggerMessage(6, LogLevel.Information, "Evicted {Entries} entries to keep within the quota")]
    public static partial void KeptWithin(ILogger logger, int entries);
}
