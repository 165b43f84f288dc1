namespace DatasetCache.Coordination;

/// <summary>What a node is told to do next.</summary>
internal sealed class SwarmAnswers(PieceTable table, OriginClaims origin, SwarmRoster roster, SourceChoice sources, UrgentPieces urgent, CoordinatorOptions options, Random random)
{
    public MemberReply Assign(SwarmNode node, MemberReport report, Epoch epoch, ReplicaSet wholes, bool mayClaim, TimeSpan now)
    {
        roster.Know(wholes);
        var assignments = new List<Assignment>();
        var slots = report.Slots - urgent.Assign(node, report.Urgent, report.Slots, mayClaim, assignments, now);
        if (node.IsReader)
            return Reply(node, report, epoch, assignments, slots - AskAgain(node, slots, missing: 0, assignments, now) > 0 && report.Urgent.Any(node.Lacks), now);
        if (mayClaim)
        {
            var before = assignments.Count;
            origin.Grant(node, slots, roster.Active, roster.Replicas.Exists(replica => !replica.IsMuted && replica.Peer.Node != node.Peer.Node), assignments, now);
            foreach (var run in assignments.Skip(before))
            {
                slots -= run.Count;
                for (var i = 0; i < run.Count; i++)
                    node.GrantedClaims.Add(run.First + i);
            }
        }

        while (slots > 0 && node.Runs < options.DownloadsPerMember && sources.TryAssign(node, slots, assignments, now))
            slots -= assignments[^1].Count;
        var missing = table.Size - node.Held.Count - node.Unproven.Count;
        slots -= AskAgain(node, slots, missing, assignments, now);
        var couldDoMore = slots > 0 && missing > node.Claims.Count + node.Downloads.Count && node.Runs < options.DownloadsPerMember;
        return Reply(node, report, epoch, assignments, couldDoMore, now);
    }

    private MemberReply Reply(SwarmNode node, MemberReport report, Epoch epoch, List<Assignment> assignments, bool couldDoMore, TimeSpan now)
    {
        node.Hurried.IntersectWith(node.Claims);
        return new MemberReply
        {
            Epoch = epoch,
            Sequence = report.Sequence,
            Assignments = assignments,
            Dropped = node.Dropped.Count == 0 ? [] : [.. node.Dropped],
            Proven = node.Proven.Count == 0 ? [] : [.. node.Proven],
            Refuted = node.Refuted.Count == 0 ? [] : [.. node.Refuted],
            Neighbours = Neighbours(node, now),
            Pause = couldDoMore || node.Unproven.Count > 0 ? IdlePause(node) : options.Heartbeat,
            HopelessPiece = origin.Hopeless,
            Urgent = node.Hurried.Count == 0 ? [] : [.. node.Hurried],
        };
    }

    private int AskAgain(SwarmNode node, int slots, int missing, List<Assignment> assignments, TimeSpan now)
    {
        if (slots <= 0 || node.Downloads.Count == 0)
            return 0;
        var patience = missing <= options.Endgame ? options.SlowPiece / 4 : options.SlowPiece;
        var again = 0;
        foreach (var (piece, download) in node.Downloads)
            if (again < slots && now - download.First.Moved >= patience && sources.TrySecond(node, piece, download, assignments, now))
                again++;
        return again;
    }

    /// <summary>With many nodes that all ask in vain, each asks less often; who has something under way reports when that is done anyway.</summary>
    private TimeSpan IdlePause(SwarmNode node)
    {
        var pause = options.IdlePause * (1 + (roster.Active / 200.0)) * (node.Downloads.Count + node.Claims.Count > 1 ? 4 : 1);
        return pause < options.Heartbeat ? pause : options.Heartbeat;
    }

    private IReadOnlyList<Peer> Neighbours(SwarmNode node, TimeSpan now)
    {
        if (now < node.NeighboursDue || roster.Members.Count < 2)
            return [];
        // Soon again while few are there: more may come.
        node.NeighboursDue = now + (roster.Members.Count > options.Neighbours ? options.ClaimLapse : options.Heartbeat);
        var chosen = new HashSet<Peer>();
        for (var i = 0; i < 2 * options.Neighbours && chosen.Count < options.Neighbours; i++)
        {
            var other = roster.Members[random.Next(roster.Members.Count)];
            if (other != node && !other.IsMuted)
                chosen.Add(other.Peer);
        }

        return [.. chosen];
    }
}
