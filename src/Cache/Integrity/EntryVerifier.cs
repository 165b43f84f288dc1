using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>Reads what an entry holds and compares every piece with the checksum from its download. Sizes alone prove nothing: a hole has the right size.</summary>
internal sealed class EntryVerifier(CacheRoot root, EntryStore entries)
{
    /// <summary>A line per broken file; empty where all is well.</summary>
    public IReadOnlyList<string> Check(string cacheKey, CancellationToken cancellationToken)
    {
        if (entries.ReadManifest(cacheKey) is not { } lines)
            return ["the manifest is torn or missing"];
        using var tree = root.Snapshots.TryOpenDirectory(cacheKey);
        if (tree is null)
            return ["the snapshot's directory is missing"];
        var broken = new List<string>();
        var buffer = new byte[Pieces.Size];
        foreach (var line in lines)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (CheckFile(tree, line, buffer) is { } fault)
                broken.Add($"{line.File.Path}: {fault}");
        }
        return broken;
    }

    private static string? CheckFile(DirectoryHandle tree, ManifestText.Line line, byte[] buffer)
    {
        try
        {
            using var file = tree.TryOpen(line.File.Path);
            if (file is null)
                return "missing";
            if (file.Status().Size is var size && size != line.File.Size)
                return $"{size} bytes instead of {line.File.Size}";
            for (var piece = 0; piece < line.Checksums.Length; piece++)
            {
                var wanted = buffer.AsSpan(0, Pieces.LengthOf(line.File.Size, piece));
                if (file.Read(wanted, (long)piece * Pieces.Size) != wanted.Length || Crc32C.Of(wanted) != line.Checksums[piece])
                    return $"piece {piece} does not have its checksum";
            }
            return null;
        }
        catch (StorageException e)
        {
            return e.Message;
        }
    }
}
