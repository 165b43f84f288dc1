using DatasetCache.Datasets;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Transfers.Lazy;

/// <summary>A staging area that is read while it fills, and what fills it.</summary>
/// <param name="swarm">Where other nodes have a part in it.</param>
internal sealed class LazySession(StagingArea area, OriginDownload download, SwarmDownload? swarm = null)
{
    // What is under way ends with the piece that it is at; a slow origin's is given up.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource ending = new();
    private readonly HashSet<(int File, int Piece)> promised = [];
    private long promisedBytes = -1;

    public StagingArea Area => area;

    /// <summary>Its share in the cluster, where it is not a download's.</summary>
    public ClusterReading? Shared { get; init; }

    /// <summary>Nothing comes any more.</summary>
    public bool IsOver => swarm is { IsOver: true };

    /// <summary>What comes when a piece of a file and those behind it are wanted: in a cluster small files come together.</summary>
    /// <returns>None where that is not known yet: the download has not come to this file.</returns>
    public IReadOnlyList<(int File, int Piece)> Together(int file, int piece, int count)
        => swarm is null ? [.. Enumerable.Range(piece, Math.Min(count, area.Pieces.Count(file) - piece)).Select(each => (file, each))] : [.. swarm.Parts(swarm.PiecesOf(file, piece, count))];

    /// <summary>Has a piece fetched, ahead of everything else, with up to <paramref name="count"/> - 1 behind it.</summary>
    /// <param name="isNew">Whether nobody had it under way.</param>
    /// <returns>Ends when it is here or cannot be had, or with nothing: look again.</returns>
    public Task FetchAsync(int file, int piece, int count, out bool isNew)
        => swarm?.PiecesOf(file, piece, count) is { Count: > 0 } pieces ? swarm.WantAsync(file, piece, pieces, out isNew) : download.RaiseAsync(file, piece, count, out isNew, ending.Token);

    public bool IsFromPeer(int file, int piece) => swarm?.PiecesOf(file, piece, 1) is [var planned] && swarm.IsFromPeer(planned);

    /// <summary>Bytes that are reserved for it.</summary>
    public long Reserved { get; set; }

    /// <summary>Adds pieces that are about to be written, each once.</summary>
    /// <param name="added">Those that were not promised before.</param>
    /// <returns>Bytes of all that is here or promised.</returns>
    public long Promise(IReadOnlyList<(int File, int Piece)> pieces, out IReadOnlyList<(int File, int Piece)> added)
    {
        var fresh = new List<(int, int)>();
        lock (promised)
        {
            if (promisedBytes < 0)
                promisedBytes = Written();
            foreach (var (file, piece) in pieces)
            {
                if (area.Pieces.Has(file, piece) || !promised.Add((file, piece)))
                    continue;
                promisedBytes += Allocated(file, piece);
                fresh.Add((file, piece));
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
    /// <param name="handsOver">To a download of this process, which tells the cluster what is here.</param>
    public async Task EndAsync(bool handsOver)
    {
        download.Finish();
        ending.CancelAfter(Patience);
        if (Shared is not null)
            await Shared.EndAsync(handsOver);
        await download.SettleAsync();
        // What was reserved ahead is not needed any more.
        if (Reserved > 0 && Written() is var written)
            area.WriteReservation(written, written);
        area.Dispose();
    }
}
