using Microsoft.Extensions.Logging;

namespace DatasetCache.Hosting;

/// <summary>Writes a cache's events to the host's log.</summary>
internal static partial class CacheLog
{
    public static void Follow(LocalDatasetCache cache, ILogger logger)
    {
        cache.Evicted += (_, gone) => Evicted(logger, gone.CacheKey, gone.FreedBytes, gone.Cause);
        cache.Updated += (_, update) => Updated(logger, update.PreviousKey, update.CacheKey, update.Changes.Added, update.Changes.Changed, update.Changes.Removed);
        cache.HandlerFailed += (_, failure) => HandlerFailed(logger, failure.GetException());
    }

    [LoggerMessage(1, LogLevel.Information, "Evicted {CacheKey}: {FreedBytes} bytes freed ({Cause})")]
    private static partial void Evicted(ILogger logger, string cacheKey, long freedBytes, Eviction.EvictionCause cause);

    [LoggerMessage(2, LogLevel.Information, "{CacheKey} takes the place of {PreviousKey}: {Added} files added, {Changed} changed, {Removed} removed")]
    private static partial void Updated(ILogger logger, string previousKey, string cacheKey, int added, int changed, int removed);

    [LoggerMessage(4, LogLevel.Error, "A handler of an event of the dataset cache threw")]
    private static partial void HandlerFailed(ILogger logger, Exception exception);
}
