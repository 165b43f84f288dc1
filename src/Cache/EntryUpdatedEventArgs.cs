namespace DatasetCache;

/// <summary>A mutable dataset was found in another version than the one that this host had, and that version is ready.</summary>
public sealed class EntryUpdatedEventArgs(string previousKey, string cacheKey, VersionChanges changes) : EventArgs
{
    /// <summary>The entry of the version before; it stays until it is evicted.</summary>
    public string PreviousKey { get; } = previousKey;

    /// <summary>The entry of the new version.</summary>
    public string CacheKey { get; } = cacheKey;

    public VersionChanges Changes { get; } = changes;
}
