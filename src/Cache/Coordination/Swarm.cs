namespace DatasetCache.Coordination;

/// <summary>The nodes that download by one plan, and what they say.</summary>
internal sealed class Swarm
{
    private readonly CoordinatorOptions options;
    private readonly Random random;
    private readonly PieceTable table;
    private readonly OriginClaims origin;
    private readonly SourceChoice sources;
    private readonly SourceFaults faults;
    private readonly Dictionary<string, SwarmNode> byNode = [];
    private readonly List<SwarmNode> members = [];
    private readonly List<SwarmNode> replicas = [];
    private readonly Dictionary<Guid, TimeSpan> pastSessions = [];
    private readonly Dictionary<int, HashSet<SwarmNode>> unproven = [];
    private int replicaVersion = -1;
    private int active;

    public Swarm(string plan, int pieces, CoordinatorOptions options, Random random)
    {
        Plan = plan;
        this.options = options;
        this.random = random;
        table = new PieceTable(pieces);
        origin = new OriginClaims(table, options);
        sources = new SourceChoice(table, members, replicas, options, random);
        faults = new SourceFaults(table, options);
    }

    public string Plan { get; }

    public int Pieces => table.Size;

    public TimeSpan Touched { get; private set; }

    public bool IsIdle => active == 0;

    /// <param name="mayClaim">False while the coordinator does not know all open claims.</param>
    public MemberReply Report(MemberReport report, Epoch epoch, ReplicaSet wholes, bool mayClaim, TimeSpan now)
    {
        Touched = now;
        var node = byNode.GetValueOrDefault(report.From.Node);
        if (IsPast(report.Session, now))
            return Empty(report, epoch, options.Heartbeat);
        if (node is null || node.Session != report.Session)
        {
            if (report.Held is null || report.Pieces != Pieces)
                return Empty(report, epoch, options.Heartbeat) with { Resync = report.Held is null, Superseded = report.Pieces != Pieces };
            // A download begins with its first report. What is none and not known may be the old one's, late.
            if (node is not null && !node.IsSourceOnly && report.Sequence > 1 && now - node.Heard < options.LatestMessage)
                return Empty(report, epoch, options.Heartbeat);
            node = Join(report, now);
        }
        else if (report.Sequence == node.Sequence && node.LastReply is not null)
        {
            return node.LastReply;
        }
        else if (report.Sequence < node.Sequence)
        {
            return Empty(report, epoch, options.Heartbeat);
        }
        else if (report.Held is null && report.Answered > node.Replied)
        {
            // It goes by what another activation told it.
            return Empty(report, epoch, options.Heartbeat) with { Resync = true };
        }

        node.Heard = now;
        node.Peer = report.From;
        Settle(node, report);
        Take(node, report, isComplete: true, now);
        if (report.Held is null && report.HeldCount is { } count && count != node.Held.Count + node.Withdrawn.Count && !node.IsSuperseded)
            return Answer(node, report, Empty(report, epoch, options.Heartbeat) with { Resync = true });
        if (report.Leaves)
            Leave(node, report.StaysAsSource, now);
        var reply = node.IsSuperseded
            ? Empty(report, epoch, options.Heartbeat) with { Superseded = true }
            : report.Leaves ? Empty(report, epoch, options.Heartbeat) : Assign(node, report, epoch, wholes, mayClaim, now);
        return Answer(node, report, reply);
    }

    private static MemberReply Answer(SwarmNode node, MemberReport report, MemberReply reply)
    {
        node.Sequence = report.Sequence;
        node.Replied = report.Sequence;
        node.LastReply = reply;
        return reply;
    }

    /// <summary>What a node answered when it was asked.</summary>
    public void Learn(MemberReport report, TimeSpan now)
    {
        if (IsPast(report.Session, now) || report.Held is null || report.Pieces != Pieces)
            return;
        var node = byNode.GetValueOrDefault(report.From.Node);
        if (node is null || node.Session != report.Session)
        {
            node = Join(report, now);
            node.Sequence = report.Sequence;
        }
        else if (report.Sequence < node.Sequence || node.Replied > report.Answered)
        {
            // A reply is on its way to it, or its report overtook this: what it says about its claims is old.
            node.Heard = now;
            return;
        }

        node.Heard = now;
        Take(node, report, node.Replied < 0, now);
        if (report.Leaves)
            Leave(node, report.StaysAsSource, now);
    }

    /// <summary>The node is gone, or does not download any more.</summary>
    /// <param name="isOver">Nothing of this session shall be believed any more.</param>
    public void Drop(string name, bool isOver, TimeSpan now)
    {
        if (replicas.RemoveAll(replica => replica.Peer.Node == name) > 0)
            replicaVersion = -1;
        if (!byNode.Remove(name, out var node))
            return;
        if (isOver)
            pastSessions[node.Session] = now;
        GiveBackAll(node);
        for (var piece = 0; piece < Pieces; piece++)
            table.RemoveHolder(piece, node);
        foreach (var piece in node.Unproven.Keys)
            unproven.GetValueOrDefault(piece)?.Remove(node);
        if (!node.IsSourceOnly)
            active--;
        node.IsGone = true;
        members.Remove(node);
        origin.Relent(IsActive, active, now);
    }

    /// <summary>All who download now go by a manifest that the origin contradicted.</summary>
    public void Supersede()
    {
        foreach (var node in members)
        {
            node.IsSuperseded = true;
            node.LastReply = null;
            GiveBackAll(node);
        }
    }

    /// <summary>Nodes that download and have not been heard of for too long.</summary>
    public IEnumerable<string> Silent(TimeSpan now) => members.Where(node => !node.IsSourceOnly && now - node.Heard >= options.ClaimLapse).Select(node => node.Peer.Node);

    public bool IsMember(string name) => byNode.TryGetValue(name, out var node) && !node.IsSourceOnly;

    public bool HasSession(string name, Guid session) => byNode.TryGetValue(name, out var node) && node.Session == session;

    public TimeSpan? Heard(string name) => byNode.TryGetValue(name, out var node) ? node.Heard : null;

    public void Tick(TimeSpan now)
    {
        foreach (var node in members)
            if (node.MutedUntil <= now)
                table.Unmute(node);
        origin.Relent(IsActive, active, now);
    }

    public PlanState State(TimeSpan now) => new()
    {
        Plan = Plan,
        Pieces = Pieces,
        Covered = table.Available.Count,
        OriginClaims = table.Claims.Count,
        OriginWindow = origin.Window.Size,
        MemberCount = members.Count,
        Members =
        [
            .. members.Take(DatasetState.Listed).Select(node =>
                new MemberState(node.Peer.Node, node.Held.Count, node.Claims.Count, node.Downloads.Count, node.Uploads, node.IsSourceOnly, now - node.Heard)),
        ],
    };

    private bool IsActive(string name) => IsMember(name);

    /// <summary>
    /// What comes late of a session that another one of its node has replaced. Which of two is the newer cannot be seen, and a late message of the older one may have taken the
    /// younger one's place: so it is past only for as long as a message can be late.
    /// </summary>
    private bool IsPast(Guid session, TimeSpan now)
    {
        if (!pastSessions.TryGetValue(session, out var since))
            return false;
        if (now - since < options.LatestMessage)
            return true;
        pastSessions.Remove(session);
        return false;
    }

    private SwarmNode Join(MemberReport report, TimeSpan now)
    {
        Drop(report.From.Node, isOver: true, now);
        var node = new SwarmNode(report.From, report.Session, new PieceSet(Pieces)) { Heard = now };
        byNode.Add(report.From.Node, node);
        members.Add(node);
        active++;
        return node;
    }

    private void Leave(SwarmNode node, bool staysAsSource, TimeSpan now)
    {
        GiveBackAll(node);
        if (!staysAsSource)
        {
            Drop(node.Peer.Node, isOver: true, now);
            return;
        }

        if (node.IsSourceOnly)
            return;
        node.IsSourceOnly = true;
        active--;
        origin.Relent(IsActive, active, now);
    }

    /// <summary>The last reply arrived, or is known not to have.</summary>
    private void Settle(SwarmNode node, MemberReport report)
    {
        if (report.Answered == node.Replied)
        {
            // What was added since that reply has not been said yet.
            node.Dropped.ExceptWith(node.LastReply?.Dropped ?? []);
            node.Proven.ExceptWith(node.LastReply?.Proven ?? []);
            node.Refuted.ExceptWith(node.LastReply?.Refuted ?? []);
        }
        else if (report.Held is null)
        {
            foreach (var piece in node.GrantedClaims)
                if (node.Claims.Contains(piece))
                    origin.GiveBack(piece);
            foreach (var (piece, run) in node.GrantedDownloads)
                if (node.Downloads.TryGetValue(piece, out var download))
                    faults.Return(node, piece, download, run);
            node.NeighboursDue = TimeSpan.Zero;
        }

        node.GrantedClaims.Clear();
        node.GrantedDownloads.Clear();
    }

    /// <param name="isComplete">What it does not say to be under way is not under way.</param>
    private void Take(SwarmNode node, MemberReport report, bool isComplete, TimeSpan now)
    {
        foreach (var completed in report.Completed)
            TakeCompleted(node, completed, now);
        if (report.Held is not null)
            TakeFull(node, report, isComplete, now);
        foreach (var unprovenPiece in report.Unproven)
            TakeUnproven(node, unprovenPiece);
        foreach (var failed in report.Failed)
            TakeFailed(node, failed, now);
    }

    private void TakeFull(SwarmNode node, MemberReport report, bool isComplete, TimeSpan now)
    {
        var held = report.Held!;
        var at = 0;
        for (var piece = 0; piece < Pieces && at < report.Checksums.Count; piece++)
            if (held.Contains(piece))
                TakeCompleted(node, new CompletedPiece(piece, report.Checksums[at++], node.Peer.Node), now);
        if (isComplete)
        {
            for (var piece = 0; piece < Pieces && node.Held.Count > held.Count; piece++)
                if (!held.Contains(piece))
                    table.RemoveHolder(piece, node);
            foreach (var piece in node.Claims.Except(report.Claims).ToList())
                origin.GiveBack(piece);
            faults.ReturnAll(node);
            node.Withdrawn.RemoveWhere(piece => !held.Contains(piece));
            node.Partial.Clear();
            foreach (var partial in report.Partial)
                if (partial.Piece < Pieces && !held.Contains(partial.Piece))
                    node.Partial[partial.Piece] = partial.MissingBytes;
            origin.SetPartial(node);
            node.NeighboursDue = TimeSpan.Zero;
        }

        foreach (var piece in report.Claims)
        {
            if (node.Claims.Contains(piece) || node.Held.Contains(piece) || piece >= Pieces)
                continue;
            if (table.Wanted.Contains(piece))
                origin.Claim(piece, node, now);
            else
                node.Dropped.Add(piece);
        }
    }

    private void TakeCompleted(SwarmNode node, CompletedPiece completed, TimeSpan now)
    {
        var piece = completed.Piece;
        if ((uint)piece >= (uint)Pieces)
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
        else if (claimant is not null)
        {
            claimant.Dropped.Add(piece);
            origin.GiveBack(piece);
        }

        if (!table.Known.Contains(piece))
        {
            table.Prove(piece, completed.Checksum, completed.Source is null ? node : null);
            Judge(piece);
        }

        if (node.Unproven.Remove(piece))
            unproven.GetValueOrDefault(piece)?.Remove(node);
        node.Refuted.Remove(piece);
        // Saying again that it is here mends nothing; having fetched it again does.
        if (completed.Source != node.Peer.Node)
            node.Withdrawn.Remove(piece);
        if (!node.Withdrawn.Contains(piece))
            table.AddHolder(piece, node);
    }

    /// <summary>Two nodes have something else for the same piece. Which is right only the origin can tell, to somebody else: nobody's counts until then.</summary>
    private void Dispute(int piece, SwarmNode node, CompletedPiece completed, TimeSpan now)
    {
        origin.GiveBack(piece);
        node.Refuted.Add(piece);
        if (completed.Source is not null && completed.Source != node.Peer.Node)
            return;
        origin.Shun(piece, [node, table.Reader(piece)]);
        table.Forget(piece);
        foreach (var holder in members)
            if (holder.Held.Contains(piece))
            {
                table.RemoveHolder(piece, holder);
                holder.Refuted.Add(piece);
                holder.Withdrawn.Remove(piece);
            }

        origin.Relent(IsActive, active, now);
    }

    private void TakeUnproven(SwarmNode node, CompletedPiece completed)
    {
        var piece = completed.Piece;
        if ((uint)piece >= (uint)Pieces)
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
            Judge(piece);
    }

    private void Judge(int piece)
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
            if (table.Claims.TryGetValue(piece, out var claimant))
            {
                claimant.Dropped.Add(piece);
                origin.GiveBack(piece);
            }

            table.AddHolder(piece, node);
        }
    }

    private void TakeFailed(SwarmNode node, FailedPiece failed, TimeSpan now)
    {
        var piece = failed.Piece;
        if ((uint)piece >= (uint)Pieces)
            return;
        if (failed.Source is null)
        {
            if (failed.Failure == PieceFailure.Origin && table.Holders(piece) == 0 && (node.Claims.Contains(piece) || !table.Claims.ContainsKey(piece)))
                origin.Failed(piece, node, active, now);
            else if (node.Claims.Contains(piece))
                origin.GiveBack(piece);
            return;
        }

        // A source that has come back since is not to blame for what broke off when it went.
        var isOld = false;
        if (node.Downloads.TryGetValue(piece, out var download))
        {
            isOld = (download.First.Source.Peer.Node == failed.Source && download.First.Source.IsGone) || (download.Second?.Source.Peer.Node == failed.Source && download.Second.Source.IsGone);
            faults.Lost(node, piece, download, failed.Source);
        }

        if (isOld)
            return;
        var source = byNode.GetValueOrDefault(failed.Source) ?? replicas.Find(replica => replica.Peer.Node == failed.Source);
        if (source is null)
            return;
        faults.Blame(node, source, piece, failed.Failure, now);
        if (source.IsReplica && (failed.Failure is PieceFailure.NotHeld || source.IsMuted))
            replicas.Remove(source);
    }

    private void GiveBackAll(SwarmNode node)
    {
        foreach (var piece in node.Claims.ToList())
            origin.GiveBack(piece);
        faults.ReturnAll(node);
        node.GrantedClaims.Clear();
        node.GrantedDownloads.Clear();
    }

    private void Know(ReplicaSet wholes)
    {
        if (wholes.Version == replicaVersion)
            return;
        replicaVersion = wholes.Version;
        replicas.Clear();
        var none = new PieceSet(Pieces);
        replicas.AddRange(wholes.All.Select(replica => new SwarmNode(replica.From, Guid.Empty, none) { IsReplica = true }));
    }

    private MemberReply Assign(SwarmNode node, MemberReport report, Epoch epoch, ReplicaSet wholes, bool mayClaim, TimeSpan now)
    {
        Know(wholes);
        var assignments = new List<Assignment>();
        var slots = report.Slots;
        if (mayClaim)
        {
            origin.Grant(node, slots, active, replicas.Exists(replica => sources.IsUsable(replica, node, now)), assignments, now);
            foreach (var run in assignments)
            {
                slots -= run.Count;
                for (var i = 0; i < run.Count; i++)
                    node.GrantedClaims.Add(run.First + i);
            }
        }

        while (slots > 0 && node.Runs < options.DownloadsPerMember && sources.TryAssign(node, slots, assignments, now))
            slots -= assignments[^1].Count;
        var missing = Pieces - node.Held.Count - node.Unproven.Count;
        slots -= AskAgain(node, slots, missing, assignments, now);
        var couldDoMore = slots > 0 && missing > node.Claims.Count + node.Downloads.Count && node.Runs < options.DownloadsPerMember;
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
        var pause = options.IdlePause * (1 + (active / 200.0)) * (node.Downloads.Count + node.Claims.Count > 1 ? 4 : 1);
        return pause < options.Heartbeat ? pause : options.Heartbeat;
    }

    private IReadOnlyList<Peer> Neighbours(SwarmNode node, TimeSpan now)
    {
        if (now < node.NeighboursDue || members.Count < 2)
            return [];
        // Soon again while few are there: more may come.
        node.NeighboursDue = now + (members.Count > options.Neighbours ? options.ClaimLapse : options.Heartbeat);
        var chosen = new HashSet<Peer>();
        for (var i = 0; i < 2 * options.Neighbours && chosen.Count < options.Neighbours; i++)
        {
            var other = members[random.Next(members.Count)];
            if (other != node && !other.IsMuted)
                chosen.Add(other.Peer);
        }

        return [.. chosen];
    }

    private static MemberReply Empty(MemberReport report, Epoch epoch, TimeSpan pause) => new() { Epoch = epoch, Sequence = report.Sequence, Pause = pause };
}
