using DatasetCache.Reading;

namespace DatasetCache;

// Files of a dataset one at a time, for who has no directory of it.
public sealed partial class LocalDatasetCache
{
    private readonly Lock openingReader = new();
    private OpenEntries? opened;

    /// <summary>How reads of single files were answered.</summary>
    internal ReadTally Reads { get; } = new();

    internal Eviction.AdaptiveTtl Ttl => ttl;

    /// <summary>Told of an entry that cannot be read any more as it was: evicted, broken, or another by now. That is noticed when somebody tries.</summary>
    internal Action<string>? ReadingLost { get; set; }

    /// <summary>Begins to read a dataset that is here; it stays until the reading is disposed.</summary>
    /// <returns>Null where there is none of that key, or it is broken.</returns>
    /// <exception cref="IntegrityException">Its manifest is torn.</exception>
    internal DatasetReading? TryRead(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        return Reader().TryRead(cacheKey);
    }

    // Whoever only gets datasets needs none.
    private OpenEntries Reader()
    {
        lock (openingReader)
            return opened ??= new OpenEntries(root, entries, time) { Lost = key => ReadingLost?.Invoke(key) };
    }
}
