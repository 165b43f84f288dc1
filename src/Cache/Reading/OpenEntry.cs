using DatasetCache.Datasets;
using DatasetCache.Store;
using FileStatus = DatasetCache.Store.FileStatus;

namespace DatasetCache.Reading;

/// <summary>
/// An entry that is read often: its manifest in memory, its directories open. It holds the entry's lease while somebody reads and at no other time, so that it keeps nobody from evicting.
/// </summary>
internal sealed class OpenEntry : IDisposable
{
    private readonly CacheRoot root;
    private readonly EntryStore entries;
    private readonly DirectoryHandle entry;
    private readonly DirectoryHandle tree;
    private readonly FileHandle lease;
    private readonly FileStatus entryStatus, treeStatus;
    private readonly Lock gate = new();
    private int readers;
    private bool isClosed;

    private OpenEntry(CacheRoot root, EntryStore entries, EntryRecord record, DirectoryHandle entry, DirectoryHandle tree, FileHandle lease, IReadOnlyList<ManifestText.Line> files)
    {
        this.root = root;
        this.entries = entries;
        this.entry = entry;
        this.tree = tree;
        this.lease = lease;
        entryStatus = entry.Status();
        treeStatus = tree.Status();
        Record = record;
        Files = files;
    }

    public EntryRecord Record { get; }

    public IReadOnlyList<ManifestText.Line> Files { get; }

    /// <summary>When it was last read, by <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long LastUsed { get; set; }

    /// <summary>When that was last noted on the disk.</summary>
    public long? LastTouched { get; set; }

    public bool IsIdle => Volatile.Read(ref readers) == 0;

    /// <returns>Null where there is no such entry, or it is broken.</returns>
    /// <exception cref="IntegrityException">Its manifest is torn.</exception>
    public static OpenEntry? TryOpen(CacheRoot root, EntryStore entries, string key)
    {
        // It cannot go while this is held.
        using var held = entries.TryLease(key, identity: null);
        if (held is null)
            return null;
        DirectoryHandle? entry = null, tree = null;
        FileHandle? lease = null;
        try
        {
            entry = root.Entries.TryOpenDirectory(key);
            tree = root.Snapshots.TryOpenDirectory(key);
            lease = entry is null ? null : entries.OpenLease(entry, key);
            if (lease is not null && tree is not null)
            {
                var files = ManifestText.Read(entry!, "manifest")
                    ?? throw new IntegrityException($"The manifest of {key} is torn, so that its files cannot be found.", $"`dscache verify {key}` mends it.");
                return new OpenEntry(root, entries, held.Record, entry!, tree, lease, Sorted(files));
            }
        }
        catch
        {
            Close();
            throw;
        }
        Close();
        return null;

        void Close()
        {
            lease?.Dispose();
            tree?.Dispose();
            entry?.Dispose();
        }
    }

    // As it was written; whoever made it otherwise, it must not cost us the files.
    private static IReadOnlyList<ManifestText.Line> Sorted(IReadOnlyList<ManifestText.Line> files)
    {
        for (var i = 1; i < files.Count; i++)
        {
            if (PathOrder.Compare(files[i - 1].File.Path, files[i].File.Path) >= 0)
                return [.. files.OrderBy(line => line.File.Path, PathOrder.Comparer)];
        }
        return files;
    }

    /// <summary>Begins a read. Each true wants a <see cref="Leave"/>.</summary>
    /// <returns>False where the entry is gone, is another one by now, or is broken.</returns>
    public bool TryEnter()
    {
        lock (gate)
        {
            if (isClosed)
                return false;
            if (readers == 0)
            {
                // Whoever has it exclusively (an evictor, a look at who holds it) has it for a moment.
                lease.Lock(exclusive: false);
                if (!Stands())
                {
                    lease.Unlock();
                    return false;
                }
            }
            else if (entries.IsBroken(entry, Record.CacheKey))
            {
                return false;
            }
            readers++;
            return true;
        }
    }

    public void Leave()
    {
        lock (gate)
        {
            if (--readers > 0)
                return;
            if (isClosed)
                CloseAll();
            else
                lease.Unlock();
        }
    }

    private bool Stands() => root.Entries.Status(Record.CacheKey) is { } named && named.IsSameFile(entryStatus) && !entries.IsBroken(entry, Record.CacheKey)
        && root.Snapshots.Status(Record.CacheKey) is { IsDirectory: true } seen && seen.IsSameFile(treeStatus);

    /// <summary>Opens a file for who has entered; null where it is missing or of another length.</summary>
    public FileHandle? TryOpen(int file)
    {
        FileHandle? handle = null;
        try
        {
            handle = tree.TryOpen(Files[file].File.Path);
            if (handle?.Status() is { IsRegularFile: true } status && status.Size == Files[file].File.Size)
                return handle;
        }
        catch (StorageException e) when (e.Errno is Syscalls.ELOOP or Syscalls.EXDEV or Syscalls.EIO)
        {
            // A link where the file was, or a disk that cannot read it.
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
        handle?.Dispose();
        return null;
    }

    /// <summary>Lets go of everything, as soon as nobody reads.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isClosed)
                return;
            isClosed = true;
            if (readers == 0)
                CloseAll();
        }
    }

    private void CloseAll()
    {
        lease.Dispose();
        tree.Dispose();
        entry.Dispose();
    }
}
