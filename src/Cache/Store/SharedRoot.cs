using System.Globalization;
using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Moving;

namespace DatasetCache.Store;

/// <summary>
/// A cache root of somebody else: another user's, a read-only mount, a file server's. It is read and never written, nothing in it is waited for, and
/// whatever cannot be read in it is not there. Its writer may evict at any moment, so all that is taken is copied and checked.
/// </summary>
internal sealed class SharedRoot : IDisposable
{
    // Not even a file of another's that lies about its size is read into memory.
    private const long LongestFacts = ArchiveLayout.LongestFacts, LongestManifest = ArchiveLayout.LongestManifest;
    private readonly DirectoryHandle root, entries, snapshots;

    private SharedRoot(DirectoryHandle root, DirectoryHandle entries, DirectoryHandle snapshots)
    {
        this.root = root;
        this.entries = entries;
        this.snapshots = snapshots;
    }

    /// <summary>Null and why where it cannot be used; null alone where it is our own root.</summary>
    public static SharedRoot? TryOpen(string path, CacheRoot ours, out string? why)
    {
        why = null;
        DirectoryHandle? root = null, entries = null, snapshots = null;
        try
        {
            root = ours.Files.OpenRoot(path);
            if (root.Status().IsSameFile(ours.Root.Status()))
                return null;
            var format = Small(root, "format", 64) is { } bytes ? Encoding.ASCII.GetString(bytes).Trim() : "";
            entries = root.TryOpenDirectory("entries");
            snapshots = root.TryOpenDirectory("snapshots");
            if (format.Length == 0 || entries is null || snapshots is null)
                why = "it is no cache root.";
            else if (!int.TryParse(format, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > CacheRoot.Format)
                why = $"it has format {PrintableText.Quote(format)}, and this version of DatasetCache knows formats up to {CacheRoot.Format}.";
            else
            {
                var opened = new SharedRoot(root, entries, snapshots);
                root = entries = snapshots = null;
                return opened;
            }
        }
        catch (StorageException e)
        {
            why = e.Message;
        }
        finally
        {
            snapshots?.Dispose();
            entries?.Dispose();
            root?.Dispose();
        }
        return null;
    }

    /// <summary>The entry of this identity, if all its small files are whole and fit together.</summary>
    public SharedEntry? Find(DatasetIdentity identity)
    {
        foreach (var name in identity.Names)
        {
            if (Record(name) is not { } record || !string.Equals(record.Identity, identity.Canonical, StringComparison.Ordinal) || ForeignEntry.Check(record, out _) is not { } entry)
                continue;
            if (Open(name, record) is not { } opened)
                continue;
            if (entry.CheckManifest(opened.Lines, out _) is { } content)
                return opened with { Manifest = content.Manifest };
            opened.Dispose();
        }
        return null;
    }

    /// <summary>Entries that may hold the same objects, the newest first.</summary>
    public IEnumerable<SharedEntry> Related(string origin, string prefix, int most)
    {
        var related = Names().Select(Record).OfType<EntryRecord>()
            .Where(record => string.Equals(record.Origin, origin, StringComparison.Ordinal)
                && (record.Prefix.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(record.Prefix, StringComparison.Ordinal)))
            .OrderByDescending(record => record.PublishedAt).Take(most);
        foreach (var record in related)
        {
            if (Open(record.CacheKey, record) is { } entry)
                yield return entry;
        }
    }

    /// <summary>What the mutable dataset was when somebody there last asked its origin.</summary>
    public KnownVersion? Newest(string origin, string prefix) => Quietly(() => Small(root, "versions/" + KnownVersions.FileOf(origin, prefix), LongestFacts) is { } bytes ? KnownVersions.Parse(bytes) : null);

    private IReadOnlyList<string> Names() => Quietly(() => entries.List().Select(item => item.Name).ToArray()) ?? [];

    private EntryRecord? Record(string name)
    {
        var record = Quietly(() => Small(entries, name + "/entry.json", LongestFacts) is { } json ? EntryRecord.FromJson(json) : null);
        // A name that is a path leads nowhere: what is opened below is opened beneath the room.
        return record is not null && string.Equals(record.CacheKey, name, StringComparison.Ordinal) ? record : null;
    }

    private SharedEntry? Open(string name, EntryRecord record) => Quietly(() =>
    {
        using var directory = entries.TryOpenDirectory(name);
        if (directory?.Status("manifest") is not { IsRegularFile: true, Size: <= LongestManifest } || ManifestText.Read(directory, "manifest") is not { } lines)
            return null;
        return snapshots.TryOpenDirectory(name) is { } tree ? new SharedEntry(record, lines, tree, TryHold(directory)) : null;
    });

    // So that its writer does not evict it meanwhile. Without it (no lock on this file system, or the evictor has it) all is checked just the same.
    private static FileHandle? TryHold(DirectoryHandle entry)
    {
        FileHandle? file = null;
        try
        {
            file = entry.Status("lease") is { IsRegularFile: true } ? entry.TryOpen("lease") : null;
            if (file?.TryLock(exclusive: false) == true)
                return file;
        }
        catch (StorageException)
        {
            // As said.
        }
        file?.Dispose();
        return null;
    }

    private static byte[]? Small(DirectoryHandle directory, string name, long longest)
        => directory.Status(name) is { IsRegularFile: true } status && status.Size <= longest ? directory.TryReadAll(name) : null;

    internal static T? Quietly<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        snapshots.Dispose();
        entries.Dispose();
        root.Dispose();
    }
}

/// <summary>An entry of a shared root, opened, and held where its file system lets us.</summary>
internal sealed record SharedEntry(EntryRecord Record, IReadOnlyList<ManifestText.Line> Lines, DirectoryHandle Tree, FileHandle? Held) : IDisposable
{
    /// <summary>Its files, where the entry as a whole was checked.</summary>
    public Manifest? Manifest { get; init; }

    public void Dispose()
    {
        Tree.Dispose();
        Held?.Dispose();
    }
}
