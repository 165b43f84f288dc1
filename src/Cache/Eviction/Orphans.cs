using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>Counts what belongs to no entry and nobody is at: what <c>prune --orphaned</c> would remove. Nothing is changed.</summary>
internal sealed class Orphans(CacheRoot root, JobRoots roots)
{
    public int Count() => Staged() + Quarantined() + roots.All().Count(record => !roots.Stands(record)) + HalfEntries();

    private int Staged()
    {
        var count = 0;
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            if (name.StartsWith(StagingSweep.Evicted, StringComparison.Ordinal))
                continue;
            if (isDirectory ? IsFree(root.Staging, name + ".lock") : name.StartsWith("tmp-", StringComparison.Ordinal) && IsFree(root.Staging, name))
                count++;
        }
        return count;
    }

    private int Quarantined()
        => root.Quarantine.List().Count(place => place.IsDirectory && root.Quarantine.Status(place.Name + "/tree") is not null && IsFree(root.Quarantine, place.Name + "/entry/lease"));

    private int HalfEntries()
        => root.Entries.List().Count(entry => root.Snapshots.Status(entry.Name) is null) + root.Snapshots.List().Count(tree => root.Entries.Status(tree.Name) is null);

    // Who works on it holds its lock; where there is none nobody does.
    private static bool IsFree(DirectoryHandle room, string name)
    {
        using var file = room.TryOpen(name);
        return file is null || file.TryLock(exclusive: true);
    }
}
