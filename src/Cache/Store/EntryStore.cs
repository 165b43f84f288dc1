using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>
/// The published entries: <c>snapshots/KEY</c>, the sealed tree, and <c>entries/KEY/{entry.json, manifest, usage, lease}</c>. An entry is ready if
/// and only if both stand there; the rename of the tree is what publishes it.
/// </summary>
internal sealed partial class EntryStore(CacheRoot root, TimeProvider time, TimeSpan? usageHalfLife = null)
{
    public const string NamingLock = "naming.lock";

    private long halfLife = (usageHalfLife ?? TimeSpan.FromHours(24)).Ticks;

    /// <summary>In which time a use comes to count half; may change while others use it.</summary>
    public TimeSpan UsageHalfLife
    {
        get => new(Interlocked.Read(ref halfLife));
        set => Interlocked.Exchange(ref halfLife, value.Ticks);
    }

    /// <summary>Is told of entries that this process publishes.</summary>
    public EntryIndex? Index { get; set; }

    /// <summary>Called with the naming lock held before an entry is quarantined: its shared files must be charged to others.</summary>
    public Action<string, FileLock>? Leaving { get; set; }

    /// <summary>Leases the entry of this identity if it is ready. Reads one small file, whatever the size of the dataset or the cache.</summary>
    public EntryLease? TryLease(DatasetIdentity identity)
    {
        foreach (var key in identity.Names)
        {
            if (TryLease(key, identity.Canonical) is { } lease)
                return lease;
        }
        return null;
    }

    /// <summary>Leases an entry by its key; with an identity only if it is that one's.</summary>
    /// <param name="evenBroken">Also where it is withdrawn: for who pins it or heals it.</param>
    public EntryLease? TryLease(string key, string? identity, bool evenBroken = false)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null || OpenLease(directory, key) is not { } file)
            return null;
        try
        {
            // Whoever has it exclusively (an evictor, a look at who holds it) has it for a moment. What was evicted while we waited is not the
            // entry that is named now.
            file.Lock(exclusive: false);
            var judged = directory.Status();
            if (root.Entries.Status(key) is not { } named || !named.IsSameFile(judged))
                return Free(file);
            if (!evenBroken && IsBroken(directory, key))
                return Free(file);
            var record = ReadRecord(directory, key);
            if (record is null || root.Snapshots.Status(key) is not { IsDirectory: true } tree)
            {
                Free(file);
                if (record is null && !root.IsReadOnly)
                    GiveUp(key, judged);
                return null;
            }
            if (!root.IsSealed(tree))
                SealTop(key);
            return identity is null || string.Equals(record.Identity, identity, StringComparison.Ordinal) ? new EntryLease(record, file) : Free(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // Its publisher was killed between the rename and the seal.
    private void SealTop(string key)
    {
        try
        {
            using var tree = root.Snapshots.TryOpenDirectory(key);
            tree?.ChangeMode(0x16D);
        }
        catch (StorageException)
        {
            // Another user's: it can be read as it is.
        }
    }

    private static EntryLease? Free(FileHandle file)
    {
        file.Dispose();
        return null;
    }

    /// <summary>Whether a live process holds a lease right now.</summary>
    public bool IsLeased(string key)
    {
        using var file = root.Entries.TryOpen(key + "/lease");
        return file is not null && !file.TryLock(exclusive: true);
    }

    /// <summary>Notes a use. Never fails: who may only read may still get.</summary>
    public void Touch(string key)
    {
        try
        {
            using var directory = root.Entries.TryOpenDirectory(key);
            using var file = directory?.OpenOrCreate("usage", 0x1B6);
            file?.Write((ReadUsage(directory!) ?? default).Touch(time.GetUtcNow(), UsageHalfLife).ToBytes(), 0);
        }
        catch (DatasetCacheException)
        {
            // A lost count changes a rank in the eviction order and nothing else.
        }
    }

    public Usage? UsageOf(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        return directory is null ? null : ReadUsage(directory);
    }

    private static Usage? ReadUsage(DirectoryHandle directory) => directory.TryReadAll("usage") is { } bytes ? Usage.FromBytes(bytes) : null;

    /// <summary>Everything that is published, in no order. Entries that are torn are passed over.</summary>
    public IEnumerable<EntryRecord> Scan()
    {
        foreach (var (key, _) in root.Entries.List())
        {
            if (TryRead(key) is { } record)
                yield return record;
        }
    }

    /// <summary>The entry's directory as it is now, to tell it later from another under its name.</summary>
    public FileStatus? DirectoryOf(string key) => root.Entries.Status(key);

    public EntryRecord? TryRead(string key)
        => root.Snapshots.Status(key) is not { IsDirectory: true } ? null
            : root.Entries.TryReadAll(key + "/entry.json") is { } json && EntryRecord.FromJson(json) is { } record ? record : TryReadOrRebuild(key);

    /// <summary>The entry's files and checksums, or null where they are torn.</summary>
    public IReadOnlyList<ManifestText.Line>? ReadManifest(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        return directory is null ? null : ManifestText.Read(directory, "manifest");
    }

    /// <summary>
    /// Makes a staged dataset an entry: seals it, forces it to the disk, and gives it its name by one rename. When this returns it is ready and
    /// survives a power cut.
    /// </summary>
    /// <returns>A lease on it; null where it was evicted in the moment between the publisher's lock and the lease.</returns>
    public EntryLease? Publish(StagingArea staging, Pieces selected, DatasetIdentity identity, Func<string, EntryRecord> describe, bool durable)
    {
        staging.Directory.DeleteTree("entry");
        staging.Directory.MakeDirectories("entry");
        using var entry = staging.Directory.OpenDirectory("entry");
        using (var manifest = entry.Create("manifest", 0x1A4))
            ManifestText.Write(manifest, selected.Manifest, selected);
        using (var usage = entry.Create("usage", 0x1B6))
            usage.Write(default(Usage).ToBytes(), 0);
        var lease = entry.Create("lease", 0x1A4);
        try
        {
            Seal(staging.Tree, selected.Manifest);
            if (durable)
                SyncContent(staging);
            // Whoever finds it waits for this lock, so that nobody is told of a dataset whose name a power cut may still take.
            lease.TryLock(exclusive: true);
            var record = Name(staging, entry, identity, describe, durable);
            lease.Lock(exclusive: false);
            return root.Entries.Status(record.CacheKey) is { } named && named.IsSameFile(entry.Status()) ? new EntryLease(record, lease) : Free(lease);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private EntryRecord Name(StagingArea staging, DirectoryHandle entry, DatasetIdentity identity, Func<string, EntryRecord> describe, bool durable)
    {
        // One publisher at a time, so that two identities with one short name cannot both find it free.
        using var naming = TakeNaming();
        CountChange(naming);
        var follow = Index?.Follow(naming);
        var key = identity.Names.First(name => (TryRead(name) is not { } there || string.Equals(there.Identity, identity.Canonical, StringComparison.Ordinal)) && !IsInUseThoughBroken(name));
        var record = describe(key);
        using (var json = entry.Create("entry.json", 0x124))
        {
            json.Write(record.ToJson(), 0);
            if (durable)
                json.Sync();
        }
        // A spare, not worth a sync of its own.
        using (var manifest = entry.TryOpenWritable("manifest"))
        {
            ManifestText.AppendRecord(manifest!, record);
            manifest!.ChangeMode(0x124);
        }
        if (durable)
            entry.Sync();

        // What stands under the name by now is the litter of a publish that was cut short, or was quarantined half-way.
        root.Entries.DeleteTree(key);
        root.Snapshots.DeleteTree(key);
        try
        {
            staging.Directory.Move("entry", root.Entries, key);
            if (durable)
                root.Entries.Sync();
            staging.Directory.Move("tree", root.Snapshots, key);
            if (root.Snapshots.Status(key) is not { } published || !published.IsSameFile(staging.Tree.Status()))
            {
                root.Snapshots.DeleteTree(key);
                throw new StorageException($"Somebody put something else in the place of {staging.Tree.Path}.", advice: "Somebody else writes into the cache root: check its mode.");
            }
            staging.Tree.ChangeMode(0x16D);
            if (durable)
                root.Snapshots.Sync();
        }
        catch
        {
            Withdraw(staging, key);
            throw;
        }
        // What was reserved is an entry's now: whoever adds up, with the naming lock, finds it counted once.
        staging.EndReservation();
        follow?.Invoke(key);
        return record;
    }

    // A file whose bytes the disk refused looks whole in memory and would pass every check of a resume: all must be written anew.
    private static void SyncContent(StagingArea staging)
    {
        try
        {
            staging.Directory.SyncFileSystem();
        }
        catch
        {
            staging.Distrust();
            throw;
        }
    }

    // What is not certainly on the disk under its name is not ready; its content may wait in staging for the next attempt.
    private void Withdraw(StagingArea staging, string key)
    {
        try
        {
            root.Entries.DeleteTree(key);
            staging.Tree.ChangeMode(0x1ED);
            root.Snapshots.Move(key, staging.Directory, "tree");
        }
        catch (DatasetCacheException)
        {
            // A disk that refuses this too: the error that led here is the one to report.
        }
    }

    /// <summary>Held while an entry gets or loses its name, for no longer than that.</summary>
    public FileLock TakeNaming()
    {
        while (true)
        {
            if (FileLock.TryTake(root.Staging, NamingLock) is { } free)
                return free;
            using var file = root.Staging.OpenOrCreate(NamingLock, 0x1B6);
            file.Lock(exclusive: true);
        }
    }

    /// <summary>Tells whoever keeps an index that it is out of date: before the change, so that a crash in its middle is noticed too.</summary>
    public static void CountChange(FileLock naming) => naming.Counter++;

    // All directories but the top one, which must stay writable until it has been renamed; and large files, which were open for their pieces.
    private static void Seal(DirectoryHandle tree, Manifest manifest)
    {
        var last = "";
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in manifest.Files)
        {
            if (file.Size > Pieces.Size)
                SealLarge(tree, file.Path);
            var slash = file.Path.LastIndexOf('/');
            if (slash < 0 || file.Path.AsSpan(0, slash).SequenceEqual(last))
                continue;
            last = file.Path[..slash];
            for (var parent = last; parent.Length > 0 && seen.Add(parent); parent = parent[..Math.Max(0, parent.LastIndexOf('/'))])
            {
                using var directory = tree.OpenDirectory(parent);
                directory.ChangeMode(0x16D /* 0555 */);
            }
        }
    }

    private static void SealLarge(DirectoryHandle tree, string path)
    {
        using var file = tree.TryOpen(path) ?? throw new IntegrityException($"{path} should be in staging and is not.");
        // What is linked from another entry is sealed already, and perhaps not ours to change.
        if (file.Status().Mode != 0x124)
            file.ChangeMode(0x124 /* 0444 */);
    }

    /// <summary>Takes a broken entry out of use and keeps it, with the reason, for somebody to look at.</summary>
    /// <param name="judged">
    /// The entry's directory as it was when it was found broken: what another process has published under the name since is not what was judged.
    /// </param>
    public void Quarantine(string key, string reason, FileStatus judged)
    {
        using var naming = TakeNaming();
        if (root.Entries.Status(key) is not { } named || !named.IsSameFile(judged))
            return;
        CountChange(naming);
        Readiness?.Invoke(key, arg2: false);
        Leaving?.Invoke(key, naming);
        var place = $"{key}.{time.GetUtcNow().UtcTicks:x}";
        root.Quarantine.MakeDirectories(place);
        using var directory = root.Quarantine.OpenDirectory(place);
        using (var text = directory.Create("reason", 0x1A4))
            text.Write(Encoding.UTF8.GetBytes($"{time.GetUtcNow():O} {key}: {reason}\n"), 0);
        using (var tree = root.Snapshots.TryOpenDirectory(key))
        {
            if (tree is not null)
            {
                tree.ChangeMode(0x1ED);
                root.Snapshots.Move(key, directory, "tree");
            }
        }
        root.Entries.Move(key, directory, "entry");
    }
}
