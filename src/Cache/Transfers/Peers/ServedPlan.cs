using DatasetCache.Coordination;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>A plan whose pieces this node gives to others, out of a download under way or out of an entry.</summary>
/// <param name="placed">What of it is here.</param>
/// <param name="tree">
/// The directory of the files, taken over. It stays the same when a download is published: the tree gets another name and no other inode.
/// </param>
internal sealed class ServedPlan(PlacedPlan placed, DirectoryHandle tree) : IDisposable
{
    public PlacedPlan Placed => placed;

    /// <summary>The entry that the tree has become; null as long as it is a download.</summary>
    public string? CacheKey { get; set; }

    /// <summary>Opens the parts of a piece; null where one of them is not here (any more).</summary>
    public OpenPiece? TryOpen(int piece, IReadOnlyList<int>? parts)
    {
        if (piece < 0 || piece >= placed.Plan.Count)
            return null;
        var ranges = new List<PieceRange>();
        try
        {
            foreach (var part in parts ?? Enumerable.Range(0, placed.Plan.PartCount(piece)))
            {
                if (part < 0 || part >= placed.Plan.PartCount(piece))
                    return Close();
                var at = placed.Plan.PartAt(piece, part);
                var file = placed.Plan.Manifest.Files[at.File];
                if (!placed.Has(at))
                    return Close();
                // An empty file has no bytes to send.
                if (file.Size == 0)
                    continue;
                if (tree.TryOpen(file.Path) is not { } content)
                    return Close();
                ranges.Add(new PieceRange(content, (long)at.Piece * Pieces.Size, placed.Plan.LengthOf(at), placed.Checksum(at)));
            }
            return new OpenPiece(ranges);
        }
        catch (Exception e) when (e is StorageException or ObjectDisposedException)
        {
            // A disk that fails, or a download that was given up this moment: others have to do.
            return Close();
        }

        OpenPiece? Close()
        {
            foreach (var range in ranges)
                range.File.Dispose();
            return null;
        }
    }

    public PieceSet Held() => placed.Held();

    public void Dispose() => tree.Dispose();
}
