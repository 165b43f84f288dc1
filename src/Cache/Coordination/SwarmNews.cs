namespace DatasetCache.Coordination;

/// <summary>What a node says it has, reads, guesses and could not get, entered into the table of pieces.</summary>
internal sealed class SwarmNews(PieceTable table, OriginClaims origin, SwarmRoster roster, SourceFaults faults)
{
    private readonly Dictionary<int, HashSet<SwarmNode>> unproven = [];
    private readonly Dictionary<int, SwarmNode> spared = [];

    /// <param name="isComplete">What it does not say to be under way is not under way.</param>
    public void Take(SwarmNode node, MemberReport report, bool isComplete, TimeSpan now)
    {
        foreach (var completed in report.Completed)
            TakeCompleted(node, completed, now);
        if (report.Held is not null)
            TakeFull(node, report, isComplete, now);
        foreach (var unprovenPiece in report.Unproven)
            TakeUnproven(node, unprovenPiece, now);
        foreach (var failed in report.Failed)
            TakeFailed(node, failed, now);
    }

    private void TakeFull(SwarmNode node, MemberReport report, bool isComplete, TimeSpan now)
    {
        var held = report.Held!;
        var at = 0;
        for (var piece = 0; piece < table.Size && at < report.Checksums.Count; piece++)
            if (held.Contains(piece))
                TakeCompleted(node, new CompletedPiece(piece, report.Checksums[at++], node.Peer.Node), now);
        if (isComplete)
        {
            for (var piece = 0; piece < table.Size && node.Held.Count > held.Count; piece++)
                if (!held.Contains(piece))
                    table.RemoveHolder(piece, node);
            foreach (var piece in node.Claims.Except(report.Claims).ToList())
                origin.GiveBack(piece, now);
            faults.ReturnAll(node);
            node.Withdrawn.RemoveWhere(piece => !held.Contains(piece));
            node.Partial.Clear();
            foreach (var partial in report.Partial)
                if (partial.Piece < table.Size && !held.Contains(partial.Piece))
                    node.Partial[partial.Piece] = partial.MissingBytes;
            origin.SetPartial(node);
            node.NeighboursDue = TimeSpan.Zero;
        }

        foreach (var piece in report.Claims)
        {
            if (node.Claims.Contains(piece) || node.Held.Contains(piece) || piece >= table.Size)
                continue;
            if (table.Wanted.Contains(piece))
                origin.Claim(piece, 1, node, now);
            else
                node.Dropped.Add(piece);
        }
    }

    private void TakeCompleted(SwarmNode node, CompletedPiece completed, TimeSpan now)
    {
        var piece = completed.Piece;
        if ((uint)piece >= (uint)table.Size)
            return;
        if (node.Downloads.TryGetValue(piece, out var download))
            faults.Arrived(node, piece, download, completed.Source, now);
        if (table.Known.Contains(piece) && table.Checksum(piece) != completed.Checksum)
        {
            Dispute(piece, node, completed, now);
            return;
        }

        var isOwn = table.Claims.TryGetValue(piece, out var claimant) && claimant == node;
        if (isOwn)
            origin.Completed(piece, now);
        if (!table.Known.Contains(piece))
        {
            table.Prove(piece, completed.Checksum, completed.Source is null ? node : null);
            Judge(piece, now);
        }

        if (node.Unproven.Remove(piece))
            unproven.GetValueOrDefault(piece)?.Remove(node);
        node.Refuted.Remove(piece);
        // Saying again that it is here mends nothing; having fetched it again does.
        if (completed.Source != node.Peer.Node)
            node.Withdrawn.Remove(piece);
        if (!node.Withdrawn.Contains(piece))
            table.AddHolder(piece, node);
        Spare(piece, now);
    }

    /// <summary>Two nodes have something else for the same piece. Which is right only the origin can tell, to somebody else: nobody's counts until then.</summary>
    private void Dispute(int piece, SwarmNode node, CompletedPiece completed, TimeSpan now)
    {
        origin.GiveBack(piece, now);
        node.Refuted.Add(piece);
        if (completed.Source is not null && completed.Source != node.Peer.Node)
            return;
        origin.Shun(piece, [node, table.Reader(piece)]);
        table.Forget(piece);
        foreach (var holder in roster.Members)
            if (holder.Held.Contains(piece))
            {
                table.RemoveHolder(piece, holder);
                holder.Refuted.Add(piece);
                holder.Withdrawn.Remove(piece);
            }

        origin.Relent(roster.IsActive, roster.Active, now);
    }

    private void TakeUnproven(SwarmNode node, CompletedPiece completed, TimeSpan now)
    {
        var piece = completed.Piece;
        if ((uint)piece >= (uint)table.Size)
            return;
        if (node.Held.Contains(piece))
        {
            // It was told, and did not hear it.
            (table.Checksum(piece) == completed.Checksum ? node.Proven : node.Refuted).Add(piece);
            return;
        }

        if (node.Downloads.TryGetValue(piece, out var download))
            faults.End(node, piece, download);
        node.Unproven[piece] = completed.Checksum;
        if (!unproven.TryGetValue(piece, out var nodes))
            unproven.Add(piece, nodes = []);
        nodes.Add(node);
        if (table.Known.Contains(piece))
            Judge(piece, now);
    }

    private void Judge(int piece, TimeSpan now)
    {
        if (!unproven.Remove(piece, out var nodes))
            return;
        foreach (var node in nodes)
        {
            node.Unproven.Remove(piece, out var checksum);
            if (checksum != table.Checksum(piece))
            {
                node.Refuted.Add(piece);
                continue;
            }

            node.Proven.Add(piece);
            table.AddHolder(piece, node);
        }

        Spare(piece, now);
    }

    /// <summary>Whoever reads it from the origin need not, where others can have it by now: not from a muted node.</summary>
    private void Spare(int piece, TimeSpan now)
    {
        if (table.Holders(piece) == 0 || !table.Claims.TryGetValue(piece, out var claimant))
            return;
        claimant.Dropped.Add(piece);
        spared[piece] = claimant;
        origin.GiveBack(piece, now);
    }

    /// <summary>The only one that had these is gone: who was to stop reading them, and has not heard of it, reads them after all.</summary>
    public void Lost(IEnumerable<int> pieces, TimeSpan now)
    {
        foreach (var piece in pieces)
        {
            if (!table.Wanted.Contains(piece) || !spared.Remove(piece, out var reader) || reader.IsGone || reader.IsSourceOnly || reader.IsSuperseded)
                continue;
            if (reader.LastReply?.Dropped.Contains(piece) != true && reader.Dropped.Remove(piece))
                origin.Claim(piece, 1, reader, now);
        }
    }

    public bool HasSpared => spared.Count > 0;

    private void TakeFailed(SwarmNode node, FailedPiece failed, TimeSpan now)
    {
        var piece = failed.Piece;
        if ((uint)piece >= (uint)table.Size)
            return;
        if (failed.Source is null)
        {
            if (failed.Failure == PieceFailure.Origin && table.Holders(piece) == 0 && (node.Claims.Contains(piece) || !table.Claims.ContainsKey(piece)))
                origin.Failed(piece, node, roster.Active, now);
            else if (node.Claims.Contains(piece))
                origin.GiveBack(piece, now);
            return;
        }

        // Only of a transfer that it was told of: what cannot be dated may speak of a source that went and came back since.
        if (!node.Downloads.TryGetValue(piece, out var download) || download.From(failed.Source) is not { } run)
            return;
        faults.Return(node, piece, download, run);
        if (run.Source.IsGone)
            return;
        faults.Blame(node, run, piece, failed.Failure, now);
        if (run.Source.IsReplica && failed.Failure is PieceFailure.NotHeld)
            roster.Refuse(run.Source);
    }

    /// <summary>The node is gone, and its guesses with it.</summary>
    public void Forget(SwarmNode node)
    {
        foreach (var piece in node.Unproven.Keys)
            unproven.GetValueOrDefault(piece)?.Remove(node);
    }
}
