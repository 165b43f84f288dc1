using System.Buffers;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>
/// The shared roots that one acquisition may take from before it asks the origin. Whatever is broken, missing or gone there half-way is left to the origin.
/// </summary>
internal sealed class SharedRoots(CacheRoot ours, IReadOnlyList<string> paths, TransferMeter meter, Action<string, string> warn) : IDisposable
{
    // As among our own entries: to look through a hundred manifests takes longer than to fetch.
    private const int Newest = 16;
    private const int Copies = 4;
    private List<SharedRoot>? opened;
    private SharedEntry? found;
    private bool isDistrusted, isAbandoned;

    private IReadOnlyList<SharedRoot> Opened => opened ??= [.. paths.Distinct(StringComparer.Ordinal).Select(Open).OfType<SharedRoot>()];

    private SharedRoot? Open(string path)
    {
        var root = SharedRoot.TryOpen(path, ours, out var why);
        if (why is not null)
            warn(path, why);
        return root;
    }

    /// <summary>Looks for the entry itself: its manifest stands for the origin's listing, and its files are taken first.</summary>
    public SharedEntry? Find(DatasetIdentity identity)
    {
        found?.Dispose();
        found = isDistrusted ? null : Opened.Select(root => root.Find(identity)).FirstOrDefault(entry => entry is not null);
        return found;
    }

    /// <summary>The origin says otherwise: from now on it is asked.</summary>
    public void Distrust() => isDistrusted = true;

    /// <summary>What they gave was wrong although its checksums were right: nothing more is taken from them.</summary>
    /// <returns>Whether they gave anything.</returns>
    public bool Abandon()
    {
        var gave = !isAbandoned && meter.SharedBytes > 0;
        isAbandoned = isDistrusted = true;
        return gave;
    }

    /// <summary>The newest version that any of them knows of a mutable dataset.</summary>
    public KnownVersion? NewestOf(string origin, string prefix) => Opened.Select(root => root.Newest(origin, prefix)).OfType<KnownVersion>().MaxBy(version => version.CheckedAt);

    /// <summary>Copies whatever these files lack and the shared roots hold: same origin, key, size and ETag. Every piece is checked.</summary>
    public async Task FillAsync(StagingArea staging, string origin, string prefix, IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        if (paths.Count == 0 || isAbandoned)
            return;
        var wanted = files.Where(file => staging.Listing.Files[file].Size > 0 && !staging.Pieces.HasAll(file))
            .ToDictionary(file => prefix + staging.Listing.Files[file].Path, StringComparer.Ordinal);
        if (found is not null)
            await CopyAsync(found);
        foreach (var root in Opened)
        {
            foreach (var entry in wanted.Count == 0 ? [] : root.Related(origin, prefix, Newest))
            {
                using (entry)
                    await CopyAsync(entry);
                if (wanted.Count == 0)
                    return;
            }
        }

        async Task CopyAsync(SharedEntry entry)
        {
            var matches = new List<(int File, ManifestText.Line Line)>();
            foreach (var line in entry.Lines)
            {
                if (line.Checksums.Length > 0 && wanted.TryGetValue(entry.Record.Prefix + line.File.Path, out var file)
                    && line.File.Size == staging.Listing.Files[file].Size && string.Equals(line.File.ETag, staging.Listing.Files[file].ETag, StringComparison.Ordinal))
                    matches.Add((file, line));
            }
            await Parallel.ForEachAsync(matches, new ParallelOptions { MaxDegreeOfParallelism = Copies, CancellationToken = cancellationToken }, (match, cancel) =>
            {
                Copy(staging, match.File, entry.Tree, match.Line, cancel);
                return ValueTask.CompletedTask;
            });
            foreach (var (file, _) in matches)
            {
                if (staging.Pieces.HasAll(file))
                    wanted.Remove(prefix + staging.Listing.Files[file].Path);
            }
        }
    }

    private void Copy(StagingArea staging, int file, DirectoryHandle tree, ManifestText.Line line, CancellationToken cancellationToken)
    {
        using var source = SharedRoot.Quietly(() => tree.Status(line.File.Path) is { IsRegularFile: true } status && status.Size == line.File.Size ? tree.TryOpen(line.File.Path) : null);
        if (source is null)
            return;
        var buffer = ArrayPool<byte>.Shared.Rent(Pieces.Size);
        try
        {
            if (line.File.Size <= Pieces.Size)
            {
                if (ReadPiece(source, line, 0, buffer) is { } length)
                {
                    staging.WriteWhole(file, buffer.AsSpan(0, length));
                    Count(length);
                }
            }
            else
            {
                using var target = staging.OpenForPieces(file);
                for (var piece = 0; piece < line.Checksums.Length; piece++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (staging.Pieces.Has(file, piece) || CopyPiece(source, target, line, piece, buffer) is not { } length)
                        continue;
                    staging.CompletePiece(file, piece, line.Checksums[piece]);
                    Count(length);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (staging.Pieces.HasAll(file))
            meter.FileDone();
    }

    private void Count(int bytes)
    {
        meter.Shared(bytes);
        meter.BytesDone(bytes);
    }

    // Cloned where the file system can; then our own copy is what is checked, which nobody else can change.
    private static int? CopyPiece(FileHandle source, FileHandle target, ManifestText.Line line, int piece, byte[] buffer)
    {
        var offset = (long)piece * Pieces.Size;
        var length = Pieces.LengthOf(line.File.Size, piece);
        if (target.TryCopyRange(source, offset, length))
            return ReadPiece(target, line, piece, buffer);
        if (ReadPiece(source, line, piece, buffer) is null)
            return null;
        target.Write(buffer.AsSpan(0, length), offset);
        return length;
    }

    private static int? ReadPiece(FileHandle file, ManifestText.Line line, int piece, byte[] buffer)
    {
        var bytes = buffer.AsSpan(0, Pieces.LengthOf(line.File.Size, piece));
        try
        {
            return file.Read(bytes, (long)piece * Pieces.Size) == bytes.Length && Crc32C.Of(bytes) == line.Checksums[piece] ? bytes.Length : null;
        }
        catch (StorageException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        found?.Dispose();
        foreach (var root in opened ?? [])
            root.Dispose();
    }
}
