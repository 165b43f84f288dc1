namespace DatasetCache.Coordination;

/// <summary>
/// A node's side of one piece plan: what to fetch, what to tell the coordinator, how to go on without one. It does nothing itself, has no clock and no lock: call one method at
/// a time and hand in the time of a monotonic clock. After each call of an input (<see cref="Replied"/>, <see cref="Unavailable"/>, <see cref="Completed"/>,
/// <see cref="Failed"/>, <see cref="NeighbourHolds"/>) call <see cref="Step"/> and do what it says; several inputs may come before one step.
/// </summary>
internal sealed class SwarmMember
{
    private readonly Peer self;
    private readonly IReadOnlyList<uint> expected;
    private readonly MemberOptions options;
    private readonly uint[] checksums;
    private readonly MemberTransfers transfers;
    private readonly MemberMail mail;
    private readonly MemberNeighbours neighbours;
    private readonly MemberWants wants;
    private readonly List<int> hurry = [];
    private readonly Dictionary<int, uint> unproven = [];
    private readonly List<int> discard = [];
    private readonly List<Assignment> start = [];
    private MemberOutcome outcome;
    private int? hopeless;
    private TimeSpan reportDue;

    /// <param name="session">A new one per download.</param>
    /// <param name="started">Orders this node's sessions (<see cref="SessionStart"/>); 0 where that is not known.</param>
    /// <param name="manifest">Digest of the manifest document that the plan is made from.</param>
    /// <param name="held">Pieces that are here and were checked; taken over, also to be read by others (what is served) under the same lock.</param>
    /// <param name="checksums">Of the held pieces, in the order of their numbers.</param>
    /// <param name="onlyWanted">It fetches nothing but what <see cref="Want"/> names.</param>
    /// <param name="expected">What all pieces must be, where a manifest says so (<see cref="ManifestDecision.TakeReplica"/>); empty otherwise.</param>
    public SwarmMember(
        Peer self,
        Guid session,
        string manifest,
        string plan,
        PieceSet held,
        IReadOnlyList<uint> checksums,
        IReadOnlyList<PartialPiece> partial,
        IReadOnlyList<uint> expected,
        MemberOptions options,
        int seed,
        long started = 0,
        bool onlyWanted = false)
    {
        this.self = self;
        this.expected = expected;
        this.options = options;
        Held = held;
        this.checksums = new uint[held.Size];
        var at = 0;
        for (var piece = 0; piece < held.Size && at < checksums.Count; piece++)
            if (held.Contains(piece))
                this.checksums[piece] = checksums[at++];
        transfers = new MemberTransfers();
        wants = new MemberWants(onlyWanted);
        mail = new MemberMail(self, session, started, manifest, plan, held, this.checksums, unproven, partial, transfers, wants);
        neighbours = new MemberNeighbours(self, held, transfers, expected, options, new Random(seed));
    }

    /// <summary>Pieces that are here: known to be right, or taken from a neighbour while nobody could tell.</summary>
    public PieceSet Held { get; }

    /// <summary>The highest epoch heard of.</summary>
    public Epoch Seen => mail.Seen;

    /// <summary>It is here and known to be right. Only such a piece may be remembered on disk (journal): the others are gone after a crash.</summary>
    public bool IsProven(int piece) => Held.Contains(piece) && !unproven.ContainsKey(piece);

    /// <summary>It goes on by itself: no coordinator has answered for a while.</summary>
    public bool IsAlone(TimeSpan now) => mail.Unanswered(now) >= options.Patience;

    /// <summary>Somebody waits for these pieces: they come before all others, in this order. Call <see cref="Step"/> then.</summary>
    public void Want(IEnumerable<int> pieces)
    {
        foreach (var piece in pieces)
            if (!IsProven(piece) && wants.Add(piece))
                mail.HasNews = true;
    }

    /// <summary>Nobody waits for it any more, as far as it is not under way.</summary>
    public void Forget(int piece) => wants.Remove(piece);

    /// <summary>The coordinator's answer to the report under way. A late one, to a report that was given up, does no harm.</summary>
    public void Replied(MemberReply reply, TimeSpan now)
    {
        if (!mail.IsAwaited(reply))
            return;
        if (reply.Epoch < Seen)
        {
            // An activation that does not know yet that it is not the real one. Nothing it says counts.
            Unavailable(now);
            return;
        }

        mail.Answered(reply, now);
        reportDue = now + reply.Pause;
        if (outcome == MemberOutcome.Done)
            return;
        neighbours.Know(reply.Neighbours);
        foreach (var piece in reply.Refuted)
            Refute(piece);
        foreach (var piece in reply.Proven)
            if (unproven.Remove(piece, out var checksum))
            {
                checksums[piece] = checksum;
                wants.Remove(piece);
            }

        foreach (var piece in reply.Dropped)
            transfers.Cancel(piece, source: null);
        if (reply.Superseded)
            outcome = MemberOutcome.Superseded;
        else if (reply.HopelessPiece is { } piece && !Held.Contains(piece) && !wants.IsAll)
            (outcome, hopeless) = (MemberOutcome.Hopeless, piece);
        foreach (var assignment in reply.Assignments)
            Take(assignment);
        hurry.AddRange(reply.Urgent.Where(transfers.Claims.Contains));
    }

    /// <summary>The call failed or took too long (give it 5 s). Its reply, if one comes after all, may be dropped or handed in.</summary>
    public void Unavailable(TimeSpan now) => reportDue = now + mail.GiveUp(options.RetryPause);

    /// <param name="source">The node it came from; null for the origin.</param>
    /// <returns>True: it is what it must be as far as is known, and counts as held. False: it is not (or is here already), and must not be kept.</returns>
    public bool Completed(int piece, uint checksum, string? source, TimeSpan now)
    {
        var wanted = transfers.End(piece, source);
        if (Held.Contains(piece) && !unproven.ContainsKey(piece))
            return false;
        if (wanted is null && expected.Count > piece)
            wanted = expected[piece];
        if (wanted is { } right && right != checksum)
        {
            mail.Failed.Add(new FailedPiece(piece, source, source is null ? PieceFailure.Origin : PieceFailure.WrongBytes));
            neighbours.Rest(source, now);
            return false;
        }

        if (source is not null && wanted is null)
        {
            // Nobody here can tell whether it is right. It is told apart until the coordinator does.
            if (!Held.Add(piece))
                return false;
            unproven[piece] = checksum;
        }
        else
        {
            Held.Add(piece);
            unproven.Remove(piece);
            checksums[piece] = checksum;
            mail.Completed.Add(new CompletedPiece(piece, checksum, source));
            transfers.CancelAll(piece);
            wants.Remove(piece);
        }

        mail.HasNews = true;
        return true;
    }

    public void Failed(int piece, string? source, PieceFailure failure, TimeSpan now)
    {
        if (!transfers.IsUnderWay(piece, source))
            return;
        transfers.End(piece, source);
        neighbours.Failed(piece, source, failure, now);
        // Who waits for it here is told; whether it can be had at all, those find out who want all of it.
        if (wants.IsAll && source is null && failure == PieceFailure.Origin)
        {
            wants.Remove(piece);
            failure = PieceFailure.Returned;
        }

        mail.Failed.Add(new FailedPiece(piece, source, failure));
        mail.HasNews = true;
    }

    /// <param name="pieces">What it has; null where it did not answer.</param>
    public void NeighbourHolds(Peer neighbour, PieceSet? pieces, TimeSpan now) => neighbours.Answered(neighbour, pieces, now);

    public MemberStep Step(TimeSpan now)
    {
        if (outcome == MemberOutcome.Working && Held.IsFull && unproven.Count == 0)
        {
            outcome = MemberOutcome.Done;
            transfers.CancelEverything();
            reportDue = now;
        }

        IReadOnlyList<Peer> ask = [];
        if (outcome == MemberOutcome.Working && IsAlone(now))
        {
            // What only its sender vouches for is nothing to be handed to a reader.
            if (!wants.IsAll)
                neighbours.Fetch(start, now);
            else if (expected.Count > 0)
                neighbours.Fetch(start, now, wants.Contains);
            ask = wants.IsAll && (expected.Count == 0 || wants.IsEmpty) ? [] : neighbours.ToAsk(now);
            if (mail.Unanswered(now) >= options.ReadAlone)
                ReadAlone();
        }
        else if (outcome is MemberOutcome.Superseded or MemberOutcome.Hopeless)
        {
            transfers.CancelEverything();
            start.Clear();
        }

        var report = NextReport(now);
        var step = new MemberStep
        {
            Outcome = outcome,
            Start = start.Count == 0 ? [] : [.. start],
            Cancel = transfers.TakeCancelled(),
            Hurry = hurry.Count == 0 ? [] : [.. hurry],
            Discard = discard.Count == 0 ? [] : [.. discard],
            Report = report,
            AskHeld = ask,
            Pause = Pause(now),
            HopelessPiece = hopeless,
        };
        start.Clear();
        discard.Clear();
        hurry.Clear();
        return step;
    }

    // Somebody waits, and nobody may come who could say who else reads it.
    private void ReadAlone()
    {
        foreach (var piece in wants.Untaken(transfers))
        {
            transfers.Begin(piece, 1, source: null, []);
            start.Add(new Assignment(piece, 1, Source: null, []));
        }
    }

    /// <summary>All that is known here in one report, for a coordinator that asks (<see cref="NodeHolding.Downloads"/>).</summary>
    public MemberReport Describe() => mail.Describe(Slots());

    /// <summary>The last report, where the download ends before it is done, or the node stops. No step may follow.</summary>
    public MemberReport Leave(bool staysAsSource) => mail.Leave(staysAsSource);

    private MemberReport? NextReport(TimeSpan now)
    {
        if (outcome == MemberOutcome.Done)
            return mail.IsSettled || (mail.HasLeft && mail.IsUnderWay) || now < reportDue ? null : mail.Leaving(now);
        if (outcome != MemberOutcome.Working)
            return mail.HasLeft ? null : mail.Leave(staysAsSource: false);
        return mail.IsUnderWay || (now < reportDue && !(mail.HasNews && mail.IsHeard)) ? null : mail.Next(Slots(), now);
    }

    private TimeSpan Pause(TimeSpan now)
    {
        if (outcome != MemberOutcome.Working && (mail.IsUnderWay || mail.IsSettled || outcome != MemberOutcome.Done))
            return Timeout.InfiniteTimeSpan;
        var due = mail.IsUnderWay ? TimeSpan.MaxValue : reportDue;
        if (outcome == MemberOutcome.Working)
        {
            if (!IsAlone(now))
                due = Min(due, now + options.Patience - mail.Unanswered(now));
            else
                due = Min(due, now + neighbours.Pause(now));
        }

        return due == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : due <= now ? TimeSpan.Zero : due - now;
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private int Slots() => Math.Max(0, options.Slots - transfers.Count);

    private void Refute(int piece)
    {
        unproven.Remove(piece);
        if (!Held.Remove(piece))
            return;
        mail.Forget(piece);
        discard.Add(piece);
    }

    /// <summary>Starts what of an assignment is not here and not under way.</summary>
    private void Take(Assignment assignment)
    {
        if (outcome != MemberOutcome.Working)
            return;
        if (assignment.Source is { } peer)
            neighbours.Know([peer]);
        var first = -1;
        for (var i = 0; i <= assignment.Count; i++)
        {
            var starts = i < assignment.Count && Wants(assignment, i);
            if (starts && first < 0)
                first = i;
            if (starts || first < 0)
                continue;
            IReadOnlyList<uint> sums = assignment.Checksums.Count > 0 ? [.. assignment.Checksums.Skip(first).Take(i - first)] : Expected(assignment.First + first, i - first);
            transfers.Begin(assignment.First + first, i - first, assignment.Source?.Node, sums);
            start.Add(new Assignment(assignment.First + first, i - first, assignment.Source, sums));
            first = -1;
        }
    }

    private IReadOnlyList<uint> Expected(int first, int count) => expected.Count == 0 ? [] : [.. expected.Skip(first).Take(count)];

    private bool Wants(Assignment assignment, int at)
    {
        var piece = assignment.First + at;
        uint? right = assignment.Checksums.Count > 0 ? assignment.Checksums[at] : null;
        if (unproven.TryGetValue(piece, out var guess))
        {
            if (right is null)
                return assignment.Source is null && !transfers.IsUnderWay(piece, source: null);
            if (guess == right)
            {
                unproven.Remove(piece);
                checksums[piece] = guess;
                wants.Remove(piece);
            }
            else
                Refute(piece);
        }

        if (Held.Contains(piece) && right is { } should && should != checksums[piece])
            Refute(piece);
        if (Held.Contains(piece))
        {
            // The coordinator does not know, or no longer: say it again.
            mail.Completed.Add(new CompletedPiece(piece, checksums[piece], self.Node));
            mail.HasNews = true;
            return false;
        }

        return !transfers.IsUnderWay(piece, assignment.Source?.Node);
    }
}
