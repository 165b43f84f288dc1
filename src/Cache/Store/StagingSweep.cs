namespace DatasetCache.Store;

/// <summary>Removes what crashes leave in staging: downloads that nobody resumed, and temporary files.</summary>
internal sealed class StagingSweep(CacheRoot root, TimeProvider time)
{
    /// <summary>How long a download that was cut short waits for somebody to resume it.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromHours(24);

    /// <summary>How entries that are being deleted are named here; no cache key has a tilde.</summary>
    public const string Evicted = "~evicted-";

    /// <summary>
    /// Finishes evictions that were cut short. The caller holds the space lock, as everybody does who evicts: nobody else is at it.
    /// </summary>
    public int RemoveEvicted()
    {
        var removed = 0;
        foreach (var (name, _) in root.Staging.List())
        {
            if (!name.StartsWith(Evicted, StringComparison.Ordinal))
                continue;
            try
            {
                root.Staging.DeleteTree(name);
                removed++;
            }
            catch (DatasetCacheException)
            {
                // Another user's, or the disk's fault: it stays, and counts as used.
            }
        }
        return removed;
    }

    /// <summary>Removes every area that no process holds and that has not changed for <paramref name="patience"/>.</summary>
    /// <param name="youngestTemporary">Age of a temporary file at which it counts as left over; null for <paramref name="patience"/>.</param>
    /// <returns>How many areas and files were removed.</returns>
    public int RemoveAbandoned(TimeSpan patience, TimeSpan? youngestTemporary = null)
    {
        var removed = 0;
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            // Evicted entries are deleted under the space lock: see RemoveEvicted.
            if (name.StartsWith(Evicted, StringComparison.Ordinal))
                continue;
            var wait = name.StartsWith("tmp-", StringComparison.Ordinal) ? youngestTemporary ?? patience : patience;
            try
            {
                // Without patience the age does not count: a clock that was set back gives a negative one.
                if (LastChange(name, isDirectory) is { } changed && (wait == TimeSpan.Zero || time.GetUtcNow() - changed >= wait) && Remove(name, isDirectory))
                    removed++;
            }
            catch (DatasetCacheException)
            {
                // Another user's, or broken: it must neither keep the rest from being swept nor a caller from his dataset.
            }
        }
        return removed;
    }

    // A download of days has an old directory and a journal of just now.
    private DateTimeOffset? LastChange(string name, bool isDirectory)
    {
        var last = root.Staging.Status(name)?.Modified;
        using var area = isDirectory ? root.Staging.TryOpenDirectory(name) : null;
        foreach (var (file, _) in area?.List() ?? [])
        {
            if (file.StartsWith("journal-", StringComparison.Ordinal) && area!.Status(file)?.Modified is { } changed && changed > last)
                last = changed;
        }
        return last;
    }

    private bool Remove(string name, bool isDirectory)
    {
        if (isDirectory)
            return RemoveArea(name);
        if (name.StartsWith("tmp-", StringComparison.Ordinal))
            return RemoveTemporary(name);
        if (name.EndsWith(".lock", StringComparison.Ordinal) && !Permanent(name) && root.Staging.Status(name[..^5]) is null)
            FileLock.TryTake(root.Staging, name)?.Release();
        return false;
    }

    private static bool Permanent(string name) => name is "naming.lock" or "space.lock";

    private bool RemoveArea(string name)
    {
        using var held = FileLock.TryTake(root.Staging, name + ".lock");
        if (held is null)
            return false;
        root.Staging.DeleteTree(name);
        held.Release();
        return true;
    }

    // Its writer holds a lock on it from right after making it until it is renamed away, and makes it again if we come in between.
    private bool RemoveTemporary(string name)
    {
        using var file = root.Staging.TryOpenWritable(name);
        return file is not null && file.TryLock(exclusive: true) && root.Staging.Delete(name);
    }
}
