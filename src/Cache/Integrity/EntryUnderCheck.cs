using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>An entry while it is looked at: its directories, held open, and its manifest.</summary>
internal sealed class EntryUnderCheck : IDisposable
{
    private readonly CacheRoot root;
    private readonly DirectoryHandle entry;
    private readonly DirectoryHandle tree;
    private KnownDigests? digests;

    private EntryUnderCheck(CacheRoot root, string cacheKey, FileStatus judged, DirectoryHandle entry, DirectoryHandle tree, EntryRecord record, IReadOnlyList<ManifestText.Line> lines)
    {
        this.root = root;
        this.entry = entry;
        this.tree = tree;
        (CacheKey, Judged, Record, Lines) = (cacheKey, judged, record, lines);
    }

    public string CacheKey { get; }

    /// <summary>The entry's directory from before it was looked at.</summary>
    public FileStatus Judged { get; }

    public EntryRecord Record { get; }

    public IReadOnlyList<ManifestText.Line> Lines { get; }

    /// <param name="torn">What is wrong with its small files, so that its data cannot be judged.</param>
    /// <returns>Null where that is so, and where there is no such entry.</returns>
    public static EntryUnderCheck? Open(CacheRoot root, string cacheKey, FileStatus judged, out string? torn)
    {
        torn = null;
        var entry = root.Entries.TryOpenDirectory(cacheKey);
        if (entry is null)
            return null;
        var tree = root.Snapshots.TryOpenDirectory(cacheKey);
        if (tree is null)
            torn = "the snapshot's directory is missing";
        else if (entry.TryReadAll("entry.json") is not { } json || EntryRecord.FromJson(json) is not { } record)
            torn = "entry.json is torn or missing";
        else if (ManifestText.Read(entry, "manifest") is not { } lines)
            torn = "the manifest is torn or missing";
        else
            return new EntryUnderCheck(root, cacheKey, judged, entry, tree, record, lines);
        tree?.Dispose();
        entry.Dispose();
        return null;
    }

    public TreeCheck CheckTree(CancellationToken cancellationToken) => TreeCheck.Of(tree, Lines, cancellationToken);

    public ContentCheck Contents(MediumReader reader, VerifyLevel level, SharedFiles? shared, Pacer? pacer, Action<long>? progress)
    {
        if (level == VerifyLevel.Full)
            digests ??= KnownDigests.Read(entry);
        return new ContentCheck(reader, tree, Lines, level == VerifyLevel.Full ? digests : null, shared, pacer, progress);
    }

    public void WriteDigests() => digests?.Write(entry);

    public IReadOnlyList<FileFault> JudgeDigests(OriginDigests origins) => digests is null ? [] : origins.Judge(Record.Origin, tree, Lines, digests);

    /// <summary>Whether the tree that was read is still the one that has the entry's name.</summary>
    public bool IsNamed() => root.Snapshots.Status(CacheKey) is { } named && named.IsSameFile(tree.Status())
        && root.Entries.Status(CacheKey) is { } directory && directory.IsSameFile(Judged);

    /// <summary>Looks again at what was found broken: somebody may have healed it since it was opened.</summary>
    public IEnumerable<FileFault> Confirm(IEnumerable<FileFault> faults)
    {
        using var reader = new MediumReader(root.Files);
        var buffer = new Lazy<MediumReader.Buffer>(reader.Rent);
        var byPath = new Lazy<Dictionary<string, ManifestText.Line>>(() => Lines.ToDictionary(line => line.File.Path, StringComparer.Ordinal));
        // A disk that refused a piece once has lost it, whatever it says the next time.
        List<FileFault> confirmed = [.. faults.Where(fault => fault.Kind is FileFaultKind.WrongDigest or FileFaultKind.Unreadable || IsStillBroken(fault))];
        if (buffer.IsValueCreated)
            reader.Return(buffer.Value);
        return confirmed;

        bool IsStillBroken(FileFault fault)
        {
            try
            {
                if (fault.Kind == FileFaultKind.Unexpected)
                    return tree.Status(fault.Path) is not null;
                var line = byPath.Value[fault.Path];
                using var file = reader.TryOpen(tree, fault.Path);
                if (file is null || file.Status() is not { IsRegularFile: true } status || status.Size != line.File.Size)
                    return true;
                return fault.Pieces.Any(piece =>
                {
                    var read = file.Read(buffer.Value, Pieces.LengthOf(line.File.Size, piece), (long)piece * Pieces.Size);
                    return read.Length != Pieces.LengthOf(line.File.Size, piece) || Crc32C.Of(read) != line.Checksums[piece];
                });
            }
            catch (StorageException)
            {
                return true;
            }
        }
    }

    public void Dispose()
    {
        tree.Dispose();
        entry.Dispose();
    }
}
