namespace DatasetCache.Coordination;

/// <summary>What a member has under way: per piece the sources that were asked, and what the piece must be.</summary>
internal sealed class MemberTransfers
{
    private readonly Dictionary<int, List<(string? Source, uint? Checksum)>> pieces = [];
    private readonly HashSet<int> claims = [];
    private readonly List<CancelledPiece> cancelled = [];

    /// <summary>Pieces under way.</summary>
    public int Count => pieces.Count;

    public int FromPeers => pieces.Count - claims.Count;

    /// <summary>Pieces that are being read from the origin.</summary>
    public IReadOnlyCollection<int> Claims => claims;

    public bool IsUnderWay(int piece) => pieces.ContainsKey(piece);

    public bool IsUnderWay(int piece, string? source) => pieces.TryGetValue(piece, out var sources) && sources.Exists(transfer => transfer.Source == source);

    public void Begin(int first, int count, string? source, IReadOnlyList<uint> checksums)
    {
        for (var i = 0; i < count; i++)
        {
            if (!pieces.TryGetValue(first + i, out var sources))
                pieces.Add(first + i, sources = []);
            sources.Add((source, checksums.Count > 0 ? checksums[i] : null));
            if (source is null)
                claims.Add(first + i);
        }
    }

    /// <returns>What the piece must be, as far as is known.</returns>
    public uint? End(int piece, string? source)
    {
        if (source is null)
            claims.Remove(piece);
        if (!pieces.TryGetValue(piece, out var sources))
            return null;
        var at = sources.FindIndex(transfer => transfer.Source == source);
        uint? checksum = null;
        if (at >= 0)
        {
            checksum = sources[at].Checksum;
            sources.RemoveAt(at);
        }

        if (sources.Count == 0)
            pieces.Remove(piece);
        return checksum;
    }

    public void Cancel(int piece, string? source)
    {
        if (!IsUnderWay(piece, source))
            return;
        End(piece, source);
        cancelled.Add(new CancelledPiece(piece, source));
    }

    public void CancelAll(int piece)
    {
        if (!pieces.TryGetValue(piece, out var sources))
            return;
        foreach (var (source, _) in sources.ToList())
            Cancel(piece, source);
    }

    public void CancelEverything()
    {
        foreach (var piece in pieces.Keys.ToList())
            CancelAll(piece);
    }

    public IReadOnlyList<CancelledPiece> TakeCancelled()
    {
        if (cancelled.Count == 0)
            return [];
        CancelledPiece[] all = [.. cancelled];
        cancelled.Clear();
        return all;
    }
}
