using DatasetCache.Reading;

namespace DatasetCache;

// Files of a dataset one at a time, for who has no directory of it.
public sealed partial class LocalDatasetCache
{
    private readonly Lock openingReader = new();
    private OpenEntries? opened;

    /// <summary>How reads of single files were answered.</summary>
    internal ReadTally Reads { get; } = new();

    /// <summary>The same in one record, with what the memory tier counted.</summary>
    internal ReadCounts CountReads(Memory.MemoryTierCounts memory) => Reads.With(memory) with { BytesFromOrigin = lazies?.BytesFromOrigin ?? 0, BytesFromPeers = lazies?.BytesFromPeers ?? 0 };

    /// <summary>Told of an entry that cannot be read any more as it was: evicted, broken, or another by now. That is noticed when somebody tries.</summary>
    internal Action<string>? ReadingLost { get; set; }

    /// <summary>Begins to read a dataset that is here, which stays until the reading is disposed; or one that was opened to be read piece by piece.</summary>
    /// <param name="isUse">Whether an entry counts as used, and so stays longer.</param>
    /// <returns>Null where there is none of that key, or it is broken and was not opened.</returns>
    /// <exception cref="IntegrityException">Its manifest is torn.</exception>
    internal DatasetReading? TryRead(string cacheKey, bool isUse = true)
    {
        RefuseBadKey(cacheKey);
        // What was opened has its key to itself, whatever else may be called so by now.
        return lazies?.TryRead(cacheKey) ?? Reader().TryRead(cacheKey, isUse: isUse);
    }

    // Whoever only gets datasets needs none.
    private OpenEntries Reader()
    {
        lock (openingReader)
            return opened ??= new OpenEntries(root, entries, time) { Lost = key => ReadingLost?.Invoke(key) };
    }
}
