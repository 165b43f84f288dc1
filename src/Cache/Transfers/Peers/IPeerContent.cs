using DatasetCache.Coordination;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>What this node gives to others: manifests and pieces by digest and number, never by a path. Safe for any number of callers at once.</summary>
internal interface IPeerContent
{
    /// <summary>A manifest document, or null where it is not here.</summary>
    byte[]? FindManifest(string digest);

    /// <summary>The pieces of a plan that are here and were checked; null where the plan is not known here.</summary>
    PieceSet? FindHeld(string plan);

    /// <summary>Opens a piece, or some of its parts; null where it is not here (any more). Stays readable while open, whatever is evicted.</summary>
    OpenPiece? TryOpen(string plan, int piece, IReadOnlyList<int>? parts);
}

/// <summary>Ranges of files, in order, that make up a piece or the wanted parts of it.</summary>
internal sealed class OpenPiece(IReadOnlyList<PieceRange> ranges) : IDisposable
{
    public IReadOnlyList<PieceRange> Ranges => ranges;

    public long Length => ranges.Sum(range => (long)range.Length);

    public void Dispose()
    {
        foreach (var range in ranges)
            range.File.Dispose();
    }
}

/// <param name="File">Open for reading.</param>
/// <param name="Checksum">CRC32C that the range had when it was checked.</param>
internal sealed record PieceRange(FileHandle File, long Offset, int Length, uint Checksum);
