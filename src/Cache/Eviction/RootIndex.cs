using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// The records in roots/ by the entry they hold, read again only when the folder has changed. Whether a link still stands is looked at anew
/// every time: a job deletes its link without telling anybody.
/// </summary>
internal sealed class RootIndex(CacheRoot root, JobRoots roots)
{
    // Two changes within one tick of the kernel's clock (at most 10 ms) leave the same time of change. A folder that had been quiet for longer than
    // that when it was read cannot change again without its time changing too.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private ILookup<string, RootRecord>? records;
    private DateTimeOffset seen;

    public IEnumerable<RootRecord> Standing(string cacheKey) => Current()[cacheKey].Where(roots.Stands);

    private ILookup<string, RootRecord> Current()
    {
        lock (gate)
        {
            // The kernel's clock made the times that are compared, whatever clock the cache is told to go by.
            var now = TimeProvider.System.GetUtcNow();
            var modified = root.Roots.Status().Modified;
            if (records is { } known && modified == seen)
                return known;
            var read = roots.All().ToLookup(record => record.CacheKey, StringComparer.Ordinal);
            (records, seen) = now - modified > Quiet ? (read, modified) : (null, default);
            return read;
        }
    }
}
