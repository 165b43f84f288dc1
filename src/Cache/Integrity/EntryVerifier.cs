using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>Reads what an entry holds and compares every piece with the checksum from its download. Sizes alone prove nothing: a hole has the right size.</summary>
internal sealed class EntryVerifier(CacheRoot root, EntryStore entries)
{
    public VerifyReport Check(string cacheKey, CancellationToken cancellationToken)
    {
        if (entries.ReadManifest(cacheKey) is not { } lines)
            return new VerifyReport(cacheKey, 0, 0, [], "the manifest is torn or missing");
        using var tree = root.Snapshots.TryOpenDirectory(cacheKey);
        if (tree is null)
            return new VerifyReport(cacheKey, 0, 0, [], "the snapshot's directory is missing");
        var faults = new List<FileFault>();
        var bytes = 0L;
        var buffer = new byte[Pieces.Size];
        foreach (var line in lines)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (CheckFile(tree, line, buffer, ref bytes) is { } fault)
                faults.Add(fault);
        }
        return new VerifyReport(cacheKey, lines.Count, bytes, faults);
    }

    private static FileFault? CheckFile(DirectoryHandle tree, ManifestText.Line line, byte[] buffer, ref long bytes)
    {
        var path = line.File.Path;
        try
        {
            using var file = tree.TryOpen(path);
            if (file is null)
                return new FileFault(path, FileFaultKind.Missing, [], "missing");
            if (file.Status() is not { IsRegularFile: true } status)
                return new FileFault(path, FileFaultKind.NotAFile, [], "not a regular file");
            if (status.Size != line.File.Size)
                return new FileFault(path, FileFaultKind.WrongSize, [], $"{status.Size} bytes instead of {line.File.Size}");
            var broken = new List<int>();
            for (var piece = 0; piece < line.Checksums.Length; piece++)
            {
                var wanted = buffer.AsSpan(0, Pieces.LengthOf(line.File.Size, piece));
                bytes += wanted.Length;
                if (file.Read(wanted, (long)piece * Pieces.Size) != wanted.Length || Crc32C.Of(wanted) != line.Checksums[piece])
                    broken.Add(piece);
            }
            return broken.Count == 0 ? null : new FileFault(path, FileFaultKind.WrongBytes, broken, $"piece {string.Join(", ", broken.Take(8))}{(broken.Count > 8 ? ", …" : "")} of {line.Checksums.Length} does not have its checksum");
        }
        catch (StorageException e)
        {
            return new FileFault(path, FileFaultKind.Unreadable, [], e.Message);
        }
    }
}
