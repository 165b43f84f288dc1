using System.Security.Cryptography;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// Takes one entry out of the cache, if nothing protects it. Its lease file is locked exclusively from the last look at what protects it until its
/// name is gone, so that nobody gets a lease in between; whoever wanted one finds that there is no such entry any more.
/// </summary>
/// <remarks>Callers hold the space lock: one eviction at a time on a host, so that what shared files are charged to is not changed from two sides.</remarks>
internal sealed class Evictor(CacheRoot root, EntryStore entries, EntryIndex index, Protections protections, Action<EntryEvictedEventArgs> evicted)
{
    private readonly Heirs heirs = new(root, index);

    /// <param name="mustFree">Leave the entry where deleting it frees no byte.</param>
    public EvictionResult Evict(string key, EvictionCause cause, bool mustFree, bool dryRun = false)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null)
            return new EvictionResult(key, EvictionOutcome.NotFound, 0, []);
        using var lease = entries.OpenLease(directory, key);
        if (lease is not null && !lease.TryLock(exclusive: true))
            return new EvictionResult(key, EvictionOutcome.Protected, 0, [Protections.Leased, .. protections.Standing(key)]);
        using var tree = root.Snapshots.TryOpenDirectory(key);
        if (tree is null || root.Entries.Status(key) is not { } named || !named.IsSameFile(directory.Status()))
            return new EvictionResult(key, EvictionOutcome.NotFound, 0, []);
        if (protections.Standing(key) is { Count: > 0 } standing)
            return new EvictionResult(key, EvictionOutcome.Protected, 0, standing);

        var survey = TreeSurvey.Of(tree);
        if (mustFree && survey.Freed == 0)
            return new EvictionResult(key, EvictionOutcome.FreesNothing, 0, []);
        if (dryRun)
            return new EvictionResult(key, EvictionOutcome.Evicted, survey.Freed, []);

        var record = directory.TryReadAll("entry.json") is { } json ? EntryRecord.FromJson(json) : null;
        // A directory's own mode must let it be moved; a stranger's refuses here, before anything has happened.
        tree.ChangeMode(0x1ED);
        var aside = StagingSweep.Evicted + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        using (var naming = entries.TakeNaming())
        {
            index.Refresh(naming);
            EntryStore.CountChange(naming);
            var gone = index.Follow(naming);
            var (charges, elsewhere) = heirs.Find(key, record, survey.Shared);
            if (elsewhere.Count > 0)
                CutOff(elsewhere);
            heirs.Charge(key, record, charges);
            // The tree first: entries/KEY without a tree is no entry, and a tree without entries/KEY would be bytes that nobody is charged for.
            root.Snapshots.Move(key, root.Staging, aside);
            root.Entries.Move(key, root.Staging, aside + ".entry");
            gone(key);
        }
        // From here on nobody finds it: those who wait for a lease need not wait for the deleting.
        lease?.Dispose();
        root.Staging.DeleteTree(aside);
        root.Staging.DeleteTree(aside + ".entry");
        evicted(new EntryEvictedEventArgs(key, survey.Freed, cause));
        return new EvictionResult(key, EvictionOutcome.Evicted, survey.Freed, []);
    }

    /// <summary>Charges others for what they share with an entry that is being quarantined.</summary>
    public void ChargeHeirs(string key, FileLock naming)
    {
        using var tree = root.Snapshots.TryOpenDirectory(key);
        if (tree is null)
            return;
        var survey = TreeSurvey.Of(tree);
        if (survey.Shared.Count == 0)
            return;
        var record = root.Entries.TryReadAll(key + "/entry.json") is { } json ? EntryRecord.FromJson(json) : null;
        index.Refresh(naming);
        heirs.Charge(key, record, heirs.Find(key, record, survey.Shared).Charges);
    }

    // Files with names that no entry has: links that a dead download left in its staging area, which a resumed one would throw away anyhow, or names
    // that somebody gave them outside of the cache. A live download holds leases on all it links from, so none of them is its.
    private void CutOff(IReadOnlyList<SharedFile> files)
    {
        var wanted = files.Select(file => (file.Inode, file.Device)).ToHashSet();
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            if (!isDirectory || name.StartsWith(StagingSweep.Evicted, StringComparison.Ordinal))
                continue;
            using var held = FileLock.TryTake(root.Staging, name + ".lock");
            using var area = held is null ? null : root.Staging.TryOpenDirectory(name);
            if (area is null)
                continue;
            TreeSurvey.Walk(area, "", (path, status) =>
            {
                if (wanted.Contains((status.Inode, status.Device)))
                    area.Delete(path);
            });
        }
    }
}
