namespace DatasetCache.Coordination;

/// <summary>Pieces that somebody waits for: at once, from a node that has them, or from the origin if nobody has and nobody reads them, whatever the origin's window says.</summary>
internal sealed class UrgentPieces(PieceTable table, OriginClaims origin, SwarmRoster roster, SourceChoice sources, CoordinatorOptions options)
{
    /// <param name="urgent">What the node waits for, in its order.</param>
    /// <returns>How many pieces it was given.</returns>
    public int Assign(SwarmNode node, IReadOnlyList<int> urgent, int slots, bool mayClaim, List<Assignment> assignments, TimeSpan now)
    {
        if (urgent.Count == 0)
            return 0;
        var all = urgent.ToHashSet();
        var whole = roster.Replicas.Exists(replica => !replica.IsMuted && replica.Peer.Node != node.Peer.Node);
        var given = 0;
        foreach (var piece in urgent)
        {
            if (given >= slots)
                break;
            if ((uint)piece >= (uint)table.Size)
                continue;
            // Here, and nobody can vouch for it: whoever waits for it cannot wait for somebody who could.
            if (node.Unproven.ContainsKey(piece) && mayClaim && MayClaim(node, piece))
                given += Claim(node, piece, [], slots - given, assignments, now);
            if (!node.Lacks(piece))
                continue;
            if (table.Claims.TryGetValue(piece, out var claimant))
                claimant.Hurried.Add(piece);
            else if ((whole || table.Available.Contains(piece)) && sources.AssignUrgent(node, piece, all, slots - given, assignments, now) is > 0 and var count)
                given += count;
            else if (mayClaim && !whole && MayClaim(node, piece))
                given += Claim(node, piece, all, slots - given, assignments, now);
        }

        return given;
    }

    private bool MayClaim(SwarmNode node, int piece) => table.Wanted.Contains(piece) && origin.MayRead(node, piece);

    private int Claim(SwarmNode node, int first, HashSet<int> urgent, int most, List<Assignment> assignments, TimeSpan now)
    {
        var count = 1;
        most = Math.Min(most, options.OriginRun);
        while (count < most && urgent.Contains(first + count) && first + count < table.Size && node.Lacks(first + count) && MayClaim(node, first + count))
            count++;
        origin.Claim(first, count, node, now);
        node.GrantedClaims.AddRange(Enumerable.Range(first, count));
        assignments.Add(new Assignment(first, count, Source: null, []));
        return count;
    }
}
