namespace DatasetCache.Coordination;

/// <summary>What happened to pieces on their way between nodes, and whose fault that was.</summary>
internal sealed class SourceFaults(PieceTable table, CoordinatorOptions options)
{
    private const int StrikesToMute = 6;
    private const int LiesToMute = 2;

    /// <summary>The piece is here: nothing is on its way any more.</summary>
    public void Arrived(SwarmNode node, int piece, Download download, string? source, TimeSpan now)
    {
        var run = download.Second is { } second && second.Source.Peer.Node == source ? second : download.First;
        run.Moved = now;
        if (run.Source.Peer.Node == source)
            run.Source.Strikes = 0;
        End(node, piece, download);
    }

    public void End(SwarmNode node, int piece, Download download)
    {
        node.Downloads.Remove(piece);
        Count(node, download.First);
        if (download.Second is { } second)
            Count(node, second);
    }

    /// <summary>One of the sources that were asked failed.</summary>
    public void Lost(SwarmNode node, int piece, Download download, string source)
    {
        if (download.Second is { } second && second.Source.Peer.Node == source)
            Return(node, piece, download, second);
        else if (download.First.Source.Peer.Node == source)
            Return(node, piece, download, download.First);
    }

    /// <summary>This run does not bring the piece.</summary>
    public void Return(SwarmNode node, int piece, Download download, PeerRun run)
    {
        if (download.Second == run)
        {
            download.Second = null;
            Count(node, run);
        }
        else if (download.First == run)
        {
            Count(node, run);
            if (download.Second is { } second)
                node.Downloads[piece] = new Download(second);
            else
                node.Downloads.Remove(piece);
        }
    }

    public void ReturnAll(SwarmNode node)
    {
        foreach (var (piece, download) in node.Downloads.ToList())
            End(node, piece, download);
    }

    public void Blame(SwarmNode by, SwarmNode source, int piece, PieceFailure failure, TimeSpan now)
    {
        switch (failure)
        {
            case PieceFailure.NotHeld:
                // Evicted: no misbehaviour. It is not asked for this one again.
                Withdraw(piece, source);
                break;
            case PieceFailure.Unreachable:
                by.Avoids[source.Peer.Node] = now + options.UnreachableRest;
                if (source.Strikes++ == 0)
                    source.FirstStrike = now;
                // Many may see the same short absence at once.
                if (source.Strikes >= StrikesToMute && now - source.FirstStrike >= 2 * options.UnreachableRest)
                    Mute(source, now);
                break;
            case PieceFailure.WrongBytes:
                by.Avoids[source.Peer.Node] = now + options.WrongBytesRest;
                Withdraw(piece, source);
                source.Lies = now - source.LastLie < options.WrongBytesRest ? source.Lies + 1 : 1;
                source.LastLie = now;
                if (source.Lies >= LiesToMute)
                    Mute(source, now);
                break;
            default:
                break;
        }
    }

    private void Withdraw(int piece, SwarmNode source)
    {
        if (!source.Held.Contains(piece))
            return;
        table.RemoveHolder(piece, source);
        source.Withdrawn.Add(piece);
    }

    private void Mute(SwarmNode source, TimeSpan now)
    {
        table.Mute(source, now + options.WrongBytesRest);
        source.Strikes = 0;
    }

    private static void Count(SwarmNode node, PeerRun run)
    {
        if (--run.Left > 0)
            return;
        if (run.Left == 0)
        {
            run.Source.Uploads--;
            node.Runs--;
        }
    }
}
