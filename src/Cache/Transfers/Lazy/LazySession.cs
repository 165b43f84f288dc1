using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Lazy;

/// <summary>A staging area that is read while it fills, and what fills it.</summary>
internal sealed class LazySession(StagingArea area, OriginDownload download)
{
    // What is under way ends with the piece that it is at; a slow origin's is given up.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource ending = new();
    private readonly HashSet<(int File, int Piece)> promised = [];
    private long promisedBytes = -1;

    public StagingArea Area => area;

    public OriginDownload Download => download;

    public CancellationToken Ending => ending.Token;

    /// <summary>Bytes that are reserved for it.</summary>
    public long Reserved { get; set; }

    /// <summary>Adds pieces that are about to be written, each once.</summary>
    /// <param name="added">Those that were not promised before.</param>
    /// <returns>Bytes of all that is here or promised.</returns>
    public long Promise(int file, int piece, int count, out IReadOnlyList<(int File, int Piece)> added)
    {
        var fresh = new List<(int, int)>();
        lock (promised)
        {
            if (promisedBytes < 0)
                promisedBytes = Written();
            for (var i = 0; i < count && piece + i < area.Pieces.Count(file); i++)
            {
                if (area.Pieces.Has(file, piece + i) || !promised.Add((file, piece + i)))
                    continue;
                promisedBytes += Allocated(file, piece + i);
                fresh.Add((file, piece + i));
            }
            added = fresh;
            return promisedBytes;
        }
    }

    /// <summary>Takes a promise back: there is no room.</summary>
    public void TakeBack(IReadOnlyList<(int File, int Piece)> pieces)
    {
        lock (promised)
        {
            foreach (var (file, piece) in pieces)
            {
                if (promised.Remove((file, piece)))
                    promisedBytes -= Allocated(file, piece);
            }
        }
    }

    private long Allocated(int file, int piece) => SpaceLedger.Allocated(Pieces.LengthOf(area.Listing.Files[file].Size, piece));

    /// <summary>Bytes that are in the area by now.</summary>
    public long Written()
    {
        var bytes = 0L;
        for (var file = 0; file < area.Listing.Files.Count; file++)
        {
            for (var piece = 0; piece < area.Pieces.Count(file); piece++)
                bytes += area.Pieces.Has(file, piece) ? Pieces.LengthOf(area.Listing.Files[file].Size, piece) : 0;
        }
        return bytes;
    }

    /// <returns>The number of this very version of a file in the area's listing; -1 where it has another.</returns>
    public int NumberOf(ManifestFile file)
    {
        var (low, high) = (0, area.Listing.Files.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = PathOrder.Compare(area.Listing.Files[middle].Path, file.Path);
            if (order == 0)
                return area.Listing.Files[middle] == file ? middle : -1;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return -1;
    }

    /// <summary>Lets go of an area of our own, which keeps what is in it.</summary>
    public async Task EndAsync()
    {
        download.FinishRaised();
        ending.CancelAfter(Patience);
        await download.SettleAsync();
        // What was reserved ahead is not needed any more.
        if (Reserved > 0 && Written() is var written)
            area.WriteReservation(written, written);
        area.Dispose();
    }
}
