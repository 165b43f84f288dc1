using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Http.Files;

/// <summary>Whether bytes are those that were published.</summary>
internal static class FileCheck
{
    /// <param name="checksums">CRC32C of each piece.</param>
    public static bool IsWhole(ReadOnlySpan<byte> content, ReadOnlySpan<uint> checksums)
    {
        if (checksums.Length != Pieces.CountFor(content.Length))
            return false;
        for (var piece = 0; piece < checksums.Length; piece++)
        {
            if (Crc32C.Of(content.Slice(piece * Pieces.Size, Pieces.LengthOf(content.Length, piece))) != checksums[piece])
                return false;
        }
        return true;
    }
}
