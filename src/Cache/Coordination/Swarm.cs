namespace DatasetCache.Coordination;

/// <summary>The nodes that download by one plan, and what they say.</summary>
internal sealed class Swarm
{
    private readonly CoordinatorOptions options;
    private readonly PieceTable table;
    private readonly OriginClaims origin;
    private readonly SourceFaults faults;
    private readonly SwarmRoster roster = new();
    private readonly SwarmSessions sessions;
    private readonly SwarmNews news;
    private readonly SwarmAnswers answers;

    public Swarm(string plan, int pieces, CoordinatorOptions options, Random random)
    {
        Plan = plan;
        this.options = options;
        table = new PieceTable(pieces);
        origin = new OriginClaims(table, options);
        faults = new SourceFaults(table, roster, options);
        sessions = new SwarmSessions(options);
        news = new SwarmNews(table, origin, roster, faults);
        var sources = new SourceChoice(table, roster.Members, roster.Replicas, options, random);
        answers = new SwarmAnswers(table, origin, roster, sources, new UrgentPieces(table, origin, roster, sources, options), options, random);
    }

    public string Plan { get; }

    public int Pieces => table.Size;

    public TimeSpan Touched { get; private set; }

    public bool IsIdle => roster.Active == 0;

    /// <param name="isContradicted">The origin has something else by now than the reporter's manifest says.</param>
    /// <param name="mayClaim">False while the coordinator does not know all open claims.</param>
    public MemberReply Report(MemberReport report, Epoch epoch, ReplicaSet wholes, bool isContradicted, bool mayClaim, TimeSpan now)
    {
        Touched = now;
        var node = roster.Find(report.From.Node);
        if (sessions.IsLate(report, node, now))
            return Empty(report, epoch, options.Heartbeat);
        if (node is null || node.Session != report.Session)
        {
            if (report.Held is null || report.Pieces != Pieces)
                return Empty(report, epoch, options.Heartbeat) with { Resync = report.Held is null, Superseded = report.Pieces != Pieces };
            // Where sessions are not ordered: a download begins with its first report. What is none and not known may be the old one's, late.
            if (node is not null && !node.IsSourceOnly && report.Started == 0 && report.Sequence > 1 && now - node.Heard < options.LatestMessage)
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
        Settle(node, report, now);
        news.Take(node, report, isComplete: true, now);
        // Also one that was out of reach when the others were told.
        if (isContradicted)
            Supersede(node, now);
        if (report.Held is null && report.HeldCount is { } count && count != node.Held.Count + node.Withdrawn.Count && !node.IsSuperseded)
            return Answer(node, report, Empty(report, epoch, options.Heartbeat) with { Resync = true });
        if (report.Leaves)
            Leave(node, report.StaysAsSource, now);
        var reply = node.IsSuperseded
            ? Empty(report, epoch, options.Heartbeat) with { Superseded = true }
            : report.Leaves ? Empty(report, epoch, options.Heartbeat) : answers.Assign(node, report, epoch, wholes, mayClaim, now);
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
        var node = roster.Find(report.From.Node);
        if (sessions.IsLate(report, node, now) || report.Held is null || report.Pieces != Pieces)
            return;
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
        news.Take(node, report, node.Replied < 0, now);
        if (report.Leaves)
            Leave(node, report.StaysAsSource, now);
    }

    /// <summary>The node is gone, or does not download any more.</summary>
    /// <param name="isOver">Nothing of this session shall be believed any more.</param>
    public void Drop(string name, bool isOver, TimeSpan now)
    {
        if (roster.Remove(name) is not { } node)
            return;
        if (isOver)
            sessions.Ended(node, now);
        GiveBackAll(node, now);
        List<int> held = news.HasSpared ? [.. node.Held.Members()] : [];
        table.RemoveAll(node);
        news.Forget(node);
        news.Lost(held, now);
        origin.Relent(roster.IsActive, roster.Active, now);
    }

    /// <summary>It has lost the entry that its finished download became, or cannot vouch for it. A new download of it, or what it says in full later, counts again.</summary>
    public void Withdraw(string name, TimeSpan now)
    {
        if (roster.Find(name) is { IsSourceOnly: true })
            Drop(name, isOver: true, now);
    }

    /// <summary>It says that it holds the whole entry.</summary>
    public void Announced(string name)
    {
        if (roster.Replica(name) is { } replica)
            faults.Announced(replica);
    }

    /// <summary>The origin has something else by now than this manifest says.</summary>
    public void Supersede(string manifest, TimeSpan now)
    {
        foreach (var node in roster.Members.Where(node => string.Equals(node.Manifest, manifest, StringComparison.Ordinal)))
            Supersede(node, now);
    }

    private void Supersede(SwarmNode node, TimeSpan now)
    {
        node.IsSuperseded = true;
        node.LastReply = null;
        GiveBackAll(node, now);
    }

    /// <summary>Nodes that download and have not been heard of for too long.</summary>
    public IEnumerable<string> Silent(TimeSpan now) => roster.Members.Where(node => !node.IsSourceOnly && now - node.Heard >= options.ClaimLapse).Select(node => node.Peer.Node);

    public bool IsMember(string name) => roster.IsActive(name);

    public TimeSpan? Heard(string name) => roster.Find(name)?.Heard;

    public void Tick(TimeSpan now)
    {
        faults.Tick(now);
        origin.Relent(roster.IsActive, roster.Active, now);
    }

    public PlanState State(TimeSpan now) => new()
    {
        Plan = Plan,
        Pieces = Pieces,
        Covered = table.Available.Count,
        OriginClaims = table.Claims.Count,
        OriginWindow = origin.Window.Size,
        MemberCount = roster.Members.Count,
        Members =
        [
            .. roster.Members.Take(DatasetState.Listed).Select(node =>
                new MemberState(node.Peer.Node, node.Held.Count, node.Claims.Count, node.Downloads.Count, node.Uploads, node.IsSourceOnly, now - node.Heard)),
        ],
    };

    private SwarmNode Join(MemberReport report, TimeSpan now)
    {
        Drop(report.From.Node, isOver: true, now);
        var node = new SwarmNode(report.From, report.Session, report.Started, new PieceSet(Pieces)) { Manifest = report.Manifest, IsReader = report.OnlyUrgent, Heard = now };
        roster.Join(node);
        return node;
    }

    private void Leave(SwarmNode node, bool staysAsSource, TimeSpan now)
    {
        GiveBackAll(node, now);
        if (!staysAsSource)
        {
            Drop(node.Peer.Node, isOver: true, now);
            return;
        }

        roster.Rest(node);
        origin.Relent(roster.IsActive, roster.Active, now);
    }

    /// <summary>The last reply arrived, or is known not to have.</summary>
    private void Settle(SwarmNode node, MemberReport report, TimeSpan now)
    {
        if (report.Answered == node.Replied)
        {
            // What was added since that reply has not been said yet.
            node.Dropped.ExceptWith(node.LastReply?.Dropped ?? []);
            node.Proven.ExceptWith(node.LastReply?.Proven ?? []);
            node.Refuted.ExceptWith(node.LastReply?.Refuted ?? []);
            node.Hurried.ExceptWith(node.LastReply?.Urgent ?? []);
        }
        else if (report.Held is null)
        {
            foreach (var piece in node.GrantedClaims)
                if (node.Claims.Contains(piece))
                    origin.GiveBack(piece, now);
            foreach (var (piece, run) in node.GrantedDownloads)
                if (node.Downloads.TryGetValue(piece, out var download))
                    faults.Return(node, piece, download, run);
            node.NeighboursDue = TimeSpan.Zero;
        }

        node.GrantedClaims.Clear();
        node.GrantedDownloads.Clear();
    }

    private void GiveBackAll(SwarmNode node, TimeSpan now)
    {
        foreach (var piece in node.Claims.ToList())
            origin.GiveBack(piece, now);
        faults.ReturnAll(node);
        node.GrantedClaims.Clear();
        node.GrantedDownloads.Clear();
    }

    private static MemberReply Empty(MemberReport report, Epoch epoch, TimeSpan pause) => new() { Epoch = epoch, Sequence = report.Sequence, Pause = pause };
}
