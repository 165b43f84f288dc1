using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary><c>entries/KEY/priority</c>: <c>low</c> or <c>high</c>; none for normal. A power cut may take it away: it only changes an order.</summary>
internal sealed class Priorities(CacheRoot root, EntryStore entries)
{
    private const string Name = "priority";

    /// <summary>False where there is no such entry. The lease keeps the entry from going meanwhile.</summary>
    public bool Set(string key, EntryPriority priority)
    {
        using var lease = entries.TryLease(key, identity: null, evenBroken: true);
        if (lease is null)
            return false;
        // Counted as a change, so that every process's index reads it.
        using var naming = entries.TakeNaming();
        EntryStore.CountChange(naming);
        using var directory = root.Entries.OpenDirectory(key);
        if (priority == EntryPriority.Normal)
            directory.Delete(Name);
        else
            directory.WriteAtomically(Name, priority == EntryPriority.Low ? "low\n"u8 : "high\n"u8, root.Staging);
        return true;
    }

    public EntryPriority Of(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        return directory is null ? EntryPriority.Normal : Read(directory);
    }

    /// <summary>Of an entry's opened directory. What is torn or unknown counts as normal.</summary>
    public static EntryPriority Read(DirectoryHandle directory) => directory.TryReadAll(Name) is { } bytes
        ? Encoding.UTF8.GetString(bytes).TrimEnd() switch { "low" => EntryPriority.Low, "high" => EntryPriority.High, _ => EntryPriority.Normal }
        : EntryPriority.Normal;
}
