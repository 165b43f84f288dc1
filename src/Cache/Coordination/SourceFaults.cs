namespace DatasetCache.Coordination;

/// <summary>What happened to pieces on their way between nodes, and whose fault that was.</summary>
internal sealed class SourceFaults(PieceTable table, SwarmRoster roster, CoordinatorOptions options)
{
    private const int LongestRest = 4;
    private const int AccusersToMute = 2;
    private const int LiesToOneToMute = 2;

    // Somebody who could reach it after all may not have tried: he is not waited for longer than this many times the lapse.
    private const int LapsesAtMost = 3;

    /// <summary>The piece is here: nothing is on its way any more.</summary>
    public void Arrived(SwarmNode node, int piece, Download download, string? source, TimeSpan now)
    {
        var run = source is null ? null : download.From(source);
        (run ?? download.First).Moved = now;
        if (run is not null)
        {
            run.Source.MissedBy.Clear();
            node.Avoids.Remove(source!);
        }

        End(node, piece, download);
    }

    public void End(SwarmNode node, int piece, Download download)
    {
        node.Downloads.Remove(piece);
        Count(node, download.First);
        if (download.Second is { } second)
            Count(node, second);
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

    public void Blame(SwarmNode by, PeerRun run, int piece, PieceFailure failure, TimeSpan now)
    {
        var source = run.Source;
        switch (failure)
        {
            case PieceFailure.NotHeld:
                // Evicted: no misbehaviour. It is not asked for this one again.
                Withdraw(piece, source);
                break;
            case PieceFailure.Unreachable:
                Avoid(by, source, options.UnreachableRest, now);
                if (source.MissedBy.Count == 0)
                    source.MissedSince = now;
                source.MissedBy[by.Peer.Node] = now;
                break;
            case PieceFailure.WrongBytes:
                Withdraw(piece, source);
                if (Twin(source) is { } twin)
                    Withdraw(piece, twin);
                if (now - source.LastLie >= options.WrongBytesRest)
                    source.LiedTo.Clear();
                source.LastLie = now;
                var lies = source.LiedTo[by.Peer.Node] = source.LiedTo.GetValueOrDefault(by.Peer.Node) + 1;
                Avoid(by, source, lies < LiesToOneToMute ? options.UnreachableRest : options.WrongBytesRest, now);
                // One accuser may be the broken one himself.
                if (source.LiedTo.Count >= AccusersToMute)
                    Mute(source, options.WrongBytesRest, isForLies: true, now);
                break;
            default:
                break;
        }
    }

    /// <summary>
    /// A source that one node cannot use is still there for others, and that node gets from them what they got: nothing is read from the origin again for it. Only when nobody who
    /// needs it can use it, it counts as having nothing for a while.
    /// </summary>
    public void Tick(TimeSpan now)
    {
        foreach (var source in roster.Members)
            Reconsider(source, now);
        for (var i = 0; i < roster.Replicas.Count; i++)
            Reconsider(roster.Replicas[i], now);
    }

    /// <summary>It has just started, or got the entry: whoever could not reach it before may now.</summary>
    public void Announced(SwarmNode replica)
    {
        replica.MissedBy.Clear();
        if (replica is { IsMuted: true, IsLiar: false })
            table.Unmute(replica);
    }

    private void Reconsider(SwarmNode source, TimeSpan now)
    {
        if (source.IsMuted)
        {
            if (source.MutedUntil <= now)
                table.Unmute(source);
            return;
        }

        if (source.LiedTo.Count > 0 && AllWhoNeed(source, node => source.LiedTo.GetValueOrDefault(node) >= LiesToOneToMute, now))
            Mute(source, options.WrongBytesRest, isForLies: true, now);
        else if (IsMissed(source, now))
            Mute(source, LapsesAtMost * options.UnreachableLapse, isForLies: false, now);
    }

    /// <summary>All who need it have tried again, in vain, when the time was over; a failure at its beginning alone says nothing about now.</summary>
    private bool IsMissed(SwarmNode source, TimeSpan now)
    {
        var lapse = source.MissedSince + options.UnreachableLapse;
        var last = source.MissedSince + (LapsesAtMost * options.UnreachableLapse);
        return source.MissedBy.Count > 0 && now >= lapse
            && (source.MissedBy.Values.Any(tried => tried >= last)
                || AllWhoNeed(source, node => source.MissedBy.TryGetValue(node, out var tried) && tried >= lapse, now));
    }

    /// <returns>False where nobody needs it.</returns>
    private bool AllWhoNeed(SwarmNode source, Func<string, bool> failed, TimeSpan now)
    {
        var any = false;
        foreach (var node in roster.Members)
        {
            if (!Needs(node, source, now))
                continue;
            any = true;
            if (!failed(node.Peer.Node))
                return false;
        }

        return any;
    }

    private bool Needs(SwarmNode node, SwarmNode source, TimeSpan now) =>
        node != source && !node.IsSourceOnly && node.Peer.Node != source.Peer.Node && now - node.Heard < options.ClaimLapse && (source.IsReplica || !node.Held.Covers(source.Held));

    /// <summary>Longer each time, as long as nothing comes through in between.</summary>
    private void Avoid(SwarmNode by, SwarmNode source, TimeSpan rest, TimeSpan now)
    {
        var times = by.Avoids.GetValueOrDefault(source.Peer.Node);
        // The other pieces of the same run.
        if (now < times.Until && now + rest <= times.Until)
            return;
        by.Avoids[source.Peer.Node] = (now + rest * (rest == options.UnreachableRest ? Math.Min(1 << Math.Min(times.Times, 10), LongestRest) : 1), times.Times + 1);
    }

    private void Withdraw(int piece, SwarmNode source)
    {
        if (!source.Held.Contains(piece))
            return;
        table.RemoveHolder(piece, source);
        source.Withdrawn.Add(piece);
    }

    private void Mute(SwarmNode source, TimeSpan rest, bool isForLies, TimeSpan now)
    {
        MuteOne(source, rest, isForLies, now);
        if (Twin(source) is { IsMuted: false } twin)
            MuteOne(twin, rest, isForLies, now);
    }

    private void MuteOne(SwarmNode source, TimeSpan rest, bool isForLies, TimeSpan now)
    {
        source.IsLiar = isForLies;
        table.Mute(source, now + rest);
        source.MissedBy.Clear();
        source.LiedTo.Clear();
    }

    /// <summary>The same node once more: one that has downloaded the dataset is known by its download and by its entry, and avoided as both.</summary>
    private SwarmNode? Twin(SwarmNode source) => source.IsReplica ? roster.Find(source.Peer.Node) : roster.Replica(source.Peer.Node);

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
