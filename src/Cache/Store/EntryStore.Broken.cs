using System.Collections.Concurrent;
using DatasetCache.Datasets;
using DatasetCache.Integrity;

namespace DatasetCache.Store;

// Entries that were found broken keep their name, their tree and their readers; nobody new gets them. And small files that were lost are made again.
internal sealed partial class EntryStore
{
    public const string TornRecord = "entry.json and its copy in the manifest are torn or missing";

    // Where the disk refused the mark: this process at least does not hand the entry out again.
    private readonly ConcurrentDictionary<string, (FileStatus Judged, BrokenMark Mark)> unmarked = new(StringComparer.Ordinal);

    /// <summary>Whether anything but a lease protects an entry: then its tree must not be taken away.</summary>
    public Func<string, bool> IsHeld { get; set; } = _ => false;

    /// <summary>Told of entries that this process finds broken (false) or has healed (true). Does not wait.</summary>
    public Action<string, bool>? Readiness { get; set; }

    /// <summary>Whether the entry is withdrawn.</summary>
    public bool IsBroken(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        return directory is not null && IsBroken(directory, key);
    }

    /// <summary>The same for who has the entry's directory open.</summary>
    public bool IsBroken(DirectoryHandle entry, string key)
        => entry.Status(BrokenMark.Name) is not null || (!unmarked.IsEmpty && unmarked.TryGetValue(key, out var known) && known.Judged.IsSameFile(entry.Status()));

    /// <summary>What is wrong with a withdrawn entry; null where it is not withdrawn.</summary>
    public BrokenMark? ReadMark(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null)
            return null;
        if (directory.TryReadAll(BrokenMark.Name) is { } json)
            return BrokenMark.FromJson(json);
        return unmarked.TryGetValue(key, out var known) && known.Judged.IsSameFile(directory.Status()) ? known.Mark : null;
    }

    /// <summary>The withdrawn entry of this identity, if there is one. What stands under its names and is nobody's any more goes into quarantine.</summary>
    public string? FindBroken(DatasetIdentity identity)
    {
        foreach (var name in identity.Names.Where(IsBroken))
        {
            if (TryReadOrRebuild(name) is not { } record)
                SweepTorn(name);
            else if (string.Equals(record.Identity, identity.Canonical, StringComparison.Ordinal))
                return name;
        }
        return null;
    }

    /// <summary>Quarantines every entry of which nobody knows any more what it is, unless it is in use.</summary>
    public int SweepTorn() => root.Entries.List().Count(entry => entry.IsDirectory && SweepTorn(entry.Name));

    private bool SweepTorn(string key) => root.Entries.Status(key) is { } judged && root.Snapshots.Status(key) is { IsDirectory: true }
        && TryReadOrRebuild(key) is null && TryQuarantine(key, TornRecord, judged);

    /// <summary>Withdraws an entry. What was known to be broken in it before stays known.</summary>
    /// <param name="judged">The entry's directory as it was when it was found broken.</param>
    /// <returns>False where another entry stands under the name by now.</returns>
    public bool MarkBroken(string key, BrokenMark mark, FileStatus judged, bool durable)
    {
        using var naming = TryTakeNaming();
        if (root.Entries.Status(key) is not { } named || !named.IsSameFile(judged))
            return false;
        WriteMark(key, ReadMark(key)?.With(mark) ?? mark, judged, durable);
        Readiness?.Invoke(key, arg2: false);
        return true;
    }

    /// <summary>Takes what was healed out of an entry's mark. With nothing left in it, the entry is ready again.</summary>
    public void Unmark(string key, BrokenMark healed, bool durable)
    {
        using var naming = TakeNaming();
        if (root.Entries.Status(key) is not { } judged || ReadMark(key) is not { } mark)
            return;
        if (mark.Without(healed) is { } left)
        {
            WriteMark(key, left, judged, durable);
            return;
        }
        using var directory = root.Entries.OpenDirectory(key);
        if (directory.Delete(BrokenMark.Name) && durable)
            directory.Sync();
        unmarked.TryRemove(key, out _);
        Readiness?.Invoke(key, arg2: true);
    }

    // Null on a disk that takes nothing at all, on which nobody else changes anything either.
    private FileLock? TryTakeNaming()
    {
        try
        {
            return TakeNaming();
        }
        catch (DatasetCacheException)
        {
            return null;
        }
    }

    private void WriteMark(string key, BrokenMark mark, FileStatus judged, bool durable)
    {
        try
        {
            using var directory = root.Entries.OpenDirectory(key);
            directory.WriteAtomically(BrokenMark.Name, mark.ToJson(), root.Staging, sync: durable);
            if (durable)
                directory.Sync();
            unmarked.TryRemove(key, out _);
        }
        catch (DatasetCacheException)
        {
            // A disk that was remounted read-only takes no mark. Who finds the entry broken next finds it by himself.
            unmarked[key] = (judged, mark);
        }
    }

    /// <summary>Quarantines an entry as a whole, unless somebody uses it or something protects it.</summary>
    /// <returns>False where it stays.</returns>
    public bool TryQuarantine(string key, string reason, FileStatus judged)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null || !directory.Status().IsSameFile(judged))
            return true;
        // As an evictor does: nobody gets a lease from the last look at what protects it until its name is gone.
        using var lease = OpenLease(directory, key);
        if (lease?.TryLock(exclusive: true) == false || IsHeld(key))
            return false;
        Quarantine(key, reason, judged);
        return true;
    }

    /// <summary>Its lease file, made again where it was lost: without one nobody could be kept from anything.</summary>
    public FileHandle? OpenLease(DirectoryHandle entry, string key)
    {
        if (entry.TryOpen("lease") is { } there)
            return there;
        if (root.Snapshots.Status(key) is not { IsDirectory: true })
            return null;
        try
        {
            return entry.OpenOrCreate("lease", 0x1A4);
        }
        catch (DatasetCacheException)
        {
            // Another user's entry, or a disk that takes nothing: then it can be leased by nobody.
            return null;
        }
    }

    public EntryRecord? TryReadOrRebuild(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        return directory is null ? null : ReadRecord(directory, key);
    }

    // The manifest ends with a copy: entry.json is written again from it where it was lost.
    private EntryRecord? ReadRecord(DirectoryHandle entry, string key)
    {
        if (entry.TryReadAll("entry.json") is { } json && EntryRecord.FromJson(json) is { } record)
            return record;
        if (ManifestText.ReadRecord(entry, "manifest") is not { } copy || !string.Equals(copy.CacheKey, key, StringComparison.Ordinal))
            return null;
        try
        {
            entry.WriteAtomically("entry.json", copy.ToJson(), root.Staging, mode: 0x124);
        }
        catch (DatasetCacheException)
        {
            // It is as good unwritten.
        }
        return copy;
    }

    // Neither who it is nor what it should hold is known any more.
    private void GiveUp(string key, FileStatus judged)
    {
        if (!TryQuarantine(key, TornRecord, judged))
            MarkBroken(key, new BrokenMark(time.GetUtcNow(), [], TornRecord), judged, durable: false);
    }

    // Nobody's name for as long as jobs read what stands under it.
    private bool IsInUseThoughBroken(string key) => IsBroken(key) && (IsLeased(key) || IsHeld(key));
}
