using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>Copies what is still good of a broken file: piece by piece, each checked against its checksum on the way. No piece is believed unread.</summary>
internal static class GoodPieces
{
    /// <summary>Copies from <paramref name="path"/> whatever the staged file lacks and this one has.</summary>
    /// <returns>How many pieces of the file there were good.</returns>
    public static int Copy(DirectoryHandle tree, string path, StagingArea staging, int file, uint[] checksums, byte[] buffer, CancellationToken cancellationToken)
    {
        var size = staging.Listing.Files[file].Size;
        using var source = SafeTree.TryOpen(tree, path);
        if (source?.Status() is not { IsRegularFile: true })
            return 0;
        var good = 0;
        FileHandle? target = null;
        try
        {
            for (var piece = 0; piece < checksums.Length; piece++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var wanted = buffer.AsSpan(0, Pieces.LengthOf(size, piece));
                if (!TryRead(source, wanted, (long)piece * Pieces.Size) || Crc32C.Of(wanted) != checksums[piece])
                    continue;
                good++;
                if (staging.Pieces.Has(file, piece))
                    continue;
                if (size <= Pieces.Size)
                {
                    staging.WriteWhole(file, wanted);
                    continue;
                }
                target ??= staging.OpenForPieces(file);
                target.Write(wanted, (long)piece * Pieces.Size);
                staging.CompletePiece(file, piece, checksums[piece]);
            }
        }
        finally
        {
            target?.Dispose();
        }
        return good;
    }

    // A disk that cannot read one piece may well read the next.
    private static bool TryRead(FileHandle source, Span<byte> wanted, long offset)
    {
        try
        {
            return source.Read(wanted, offset) == wanted.Length;
        }
        catch (StorageException)
        {
            return false;
        }
    }
}
