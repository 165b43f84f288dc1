using System.Collections.Concurrent;
using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Reading;

/// <summary>The entries that files are read from one at a time, kept open for a while.</summary>
internal sealed class OpenEntries : IDisposable
{
    // Three descriptors and a manifest in memory each.
    private const int Most = 32;
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    // A use more in the same minute would say nothing new, and cost a write.
    private static readonly TimeSpan TouchEvery = TimeSpan.FromMinutes(1);

    private readonly CacheRoot root;
    private readonly EntryStore entries;
    private readonly TimeProvider time;
    private readonly ConcurrentDictionary<string, OpenEntry> open = new(StringComparer.Ordinal);
    private readonly Lock opening = new();
    private readonly ITimer sweeper;

    public OpenEntries(CacheRoot root, EntryStore entries, TimeProvider time)
    {
        this.root = root;
        this.entries = entries;
        this.time = time;
        sweeper = time.CreateTimer(_ => Sweep(), state: null, Idle, Idle);
    }

    /// <summary>Told of an entry that can no longer be read as it was.</summary>
    public Action<string>? Lost { get; set; }

    /// <summary>Begins to read an entry, which holds it until the end.</summary>
    /// <param name="identity">Only if it is this one's, where it is not null.</param>
    /// <param name="isUse">Whether it counts as used, and so stays longer; who only looks at what there is does not use it.</param>
    /// <returns>Null where there is none of that key, or it is broken.</returns>
    /// <exception cref="IntegrityException">Its manifest is torn.</exception>
    public DatasetReading? TryRead(string key, string? identity = null, bool isUse = true)
    {
        if (Enter(key) is not { } entry)
            return null;
        if (identity is not null && !string.Equals(entry.Record.Identity, identity, StringComparison.Ordinal))
        {
            entry.Leave();
            return null;
        }
        entry.LastUsed = time.GetTimestamp();
        if (isUse && (entry.LastTouched is not { } touched || time.GetElapsedTime(touched) >= TouchEvery))
        {
            entry.LastTouched = entry.LastUsed;
            entries.Touch(key);
        }
        return new EntryReading(entry);
    }

    private OpenEntry? Enter(string key)
    {
        if (open.TryGetValue(key, out var entry) && entry.TryEnter())
            return entry;
        lock (opening)
        {
            if (open.TryGetValue(key, out entry))
            {
                if (entry.TryEnter())
                    return entry;
                open.TryRemove(key, out _);
                entry.Dispose();
                Lost?.Invoke(key);
            }
            if (OpenEntry.TryOpen(root, entries, key) is not { } opened)
                return null;
            if (!opened.TryEnter())
            {
                opened.Dispose();
                return null;
            }
            open[key] = opened;
            if (open.Count > Most)
                CloseOldest();
            return opened;
        }
    }

    private void CloseOldest()
    {
        if (open.Where(pair => pair.Value.IsIdle).MinBy(pair => pair.Value.LastUsed) is { Value: not null } oldest && open.TryRemove(oldest))
            oldest.Value.Dispose();
    }

    private void Sweep()
    {
        foreach (var pair in open)
        {
            if (pair.Value.IsIdle && time.GetElapsedTime(pair.Value.LastUsed) >= Idle && open.TryRemove(pair))
                pair.Value.Dispose();
        }
    }

    public void Dispose()
    {
        sweeper.Dispose();
        foreach (var pair in open)
        {
            if (open.TryRemove(pair))
                pair.Value.Dispose();
        }
    }

    private sealed class EntryReading(OpenEntry entry) : DatasetReading
    {
        private int ended;

        public override string CacheKey => entry.Record.CacheKey;

        public override string Digest => entry.Record.ManifestDigest;

        public override DateTimeOffset Since => entry.Record.PublishedAt;

        public override int Count => entry.Files.Count;

        public override ManifestFile File(int file) => entry.Files[file].File;

        public override ReadOnlyMemory<uint> Checksums(int file) => entry.Files[file].Checksums;

        public override FileHandle? TryOpenWhole(int file) => entry.TryOpen(file);

        public override ValueTask<FileReading?> OpenAsync(int file, CancellationToken cancellationToken)
            => ValueTask.FromResult<FileReading?>(entry.TryOpen(file) is { } handle ? new StoredFileReading(handle) : null);

        public override void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
                entry.Leave();
        }
    }
}
