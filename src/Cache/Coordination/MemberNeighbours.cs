namespace DatasetCache.Coordination;

/// <summary>What a member knows about other nodes, for when no coordinator answers: it swaps pieces with them, and reads nothing new from the origin.</summary>
internal sealed class MemberNeighbours(Peer self, PieceSet held, MemberTransfers transfers, IReadOnlyList<uint> expected, MemberOptions options, Random random)
{
    private const int Most = 32;
    private const int AskedAtOnce = 3;
    private const int Sample = 16;

    private readonly Dictionary<string, Neighbour> known = [];

    public void Know(IReadOnlyList<Peer> peers)
    {
        foreach (var peer in peers)
        {
            if (peer.Node == self.Node || (known.TryGetValue(peer.Node, out var old) && old.Peer == peer))
                continue;
            if (known.Count >= Most)
                known.Remove(known.Keys.ElementAt(random.Next(known.Count)));
            known[peer.Node] = new Neighbour(peer);
        }
    }

    public void Answered(Peer peer, PieceSet? pieces, TimeSpan now)
    {
        if (!known.TryGetValue(peer.Node, out var neighbour))
            return;
        neighbour.IsAsked = false;
        neighbour.Pieces = pieces;
        neighbour.Due = now + (pieces is null ? options.NeighbourRest : options.NeighbourPause);
    }

    public void Failed(int piece, string? source, PieceFailure failure, TimeSpan now)
    {
        if (source is null || !known.TryGetValue(source, out var neighbour))
            return;
        if (failure == PieceFailure.NotHeld)
            neighbour.Pieces?.Remove(piece);
        else
            Rest(source, now);
    }

    public void Rest(string? source, TimeSpan now)
    {
        if (source is null || !known.TryGetValue(source, out var neighbour))
            return;
        neighbour.Pieces = null;
        neighbour.Due = now + options.NeighbourRest;
    }

    public IReadOnlyList<Peer> ToAsk(TimeSpan now)
    {
        var asked = known.Values.Count(neighbour => neighbour.IsAsked);
        if (asked >= AskedAtOnce)
            return [];
        var due = known.Values.Where(neighbour => !neighbour.IsAsked && neighbour.Due <= now).ToArray();
        random.Shuffle(due);
        var chosen = due.Take(AskedAtOnce - asked).ToList();
        foreach (var neighbour in chosen)
            neighbour.IsAsked = true;
        return [.. chosen.Select(neighbour => neighbour.Peer)];
    }

    /// <summary>Until a neighbour is to be asked.</summary>
    public TimeSpan Pause(TimeSpan now)
    {
        var pause = options.NeighbourPause;
        foreach (var neighbour in known.Values)
            if (!neighbour.IsAsked && neighbour.Due - now < pause)
                pause = neighbour.Due > now ? neighbour.Due - now : options.RetryPause;
        return pause;
    }

    /// <summary>Starts on pieces that neighbours have: those that fewest have of a few at random.</summary>
    /// <param name="wanted">Only these; null for all.</param>
    public void Fetch(List<Assignment> start, TimeSpan now, Func<int, bool>? wanted = null)
    {
        var sources = known.Values.Where(neighbour => neighbour.Pieces is not null).ToList();
        while (sources.Count > 0 && transfers.FromPeers < options.NeighbourSlots && Choose(sources, wanted) is { } chosen)
        {
            var (piece, peer) = chosen;
            IReadOnlyList<uint> checksums = expected.Count > 0 ? [expected[piece]] : [];
            transfers.Begin(piece, 1, peer.Node, checksums);
            start.Add(new Assignment(piece, 1, peer, checksums));
        }
    }

    private (int Piece, Peer Peer)? Choose(List<Neighbour> sources, Func<int, bool>? wanted)
    {
        var from = random.Next(held.Size);
        var (best, fewest, tried) = (-1, int.MaxValue, 0);
        for (var at = 0; at < held.Size && tried < Sample; at++)
        {
            var piece = (from + at) % held.Size;
            if (held.Contains(piece) || transfers.IsUnderWay(piece) || wanted?.Invoke(piece) == false)
                continue;
            var holders = sources.Count(source => source.Pieces!.Contains(piece));
            if (holders == 0)
                continue;
            tried++;
            if (holders < fewest)
                (best, fewest) = (piece, holders);
        }

        if (best < 0)
            return null;
        var having = sources.Where(source => source.Pieces!.Contains(best)).ToList();
        return (best, having[random.Next(having.Count)].Peer);
    }

    private sealed class Neighbour(Peer peer)
    {
        public Peer Peer => peer;

        public PieceSet? Pieces { get; set; }

        public bool IsAsked { get; set; }

        public TimeSpan Due { get; set; }
    }
}
