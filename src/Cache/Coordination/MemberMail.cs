namespace DatasetCache.Coordination;

/// <summary>What a member has to tell the coordinator, and what of it is known to have arrived. One call at a time; what is not answered is said again.</summary>
internal sealed class MemberMail(
    Peer self,
    Guid session,
    long started,
    string manifest,
    string plan,
    PieceSet held,
    uint[] checksums,
    Dictionary<int, uint> unproven,
    IReadOnlyList<PartialPiece> partial,
    MemberTransfers transfers,
    MemberWants wants)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private long sequence;
    private long answered;
    private long awaited;
    private int completedSent;
    private int failedSent;
    private int failures;
    private bool isFull;
    private bool needsFull = true;
    private TimeSpan? unanswered;

    public Epoch Seen { get; private set; }

    public List<CompletedPiece> Completed { get; } = [];

    public List<FailedPiece> Failed { get; } = [];

    /// <summary>Something was done since the last report.</summary>
    public bool HasNews { get; set; }

    public bool IsUnderWay => awaited != 0;

    /// <summary>The last call was answered.</summary>
    public bool IsHeard => failures == 0;

    public bool HasLeft { get; private set; }

    /// <summary>The coordinator knows that the download is over.</summary>
    public bool IsSettled { get; private set; }

    public bool IsAwaited(MemberReply reply) => awaited != 0 && reply.Sequence == awaited;

    /// <summary>For how long no coordinator has answered though it was asked.</summary>
    public TimeSpan Unanswered(TimeSpan now) => unanswered is { } since ? now - since : TimeSpan.Zero;

    public void Answered(MemberReply reply, TimeSpan now)
    {
        answered = awaited;
        awaited = 0;
        failures = 0;
        unanswered = null;
        Completed.RemoveRange(0, completedSent);
        Failed.RemoveRange(0, failedSent);
        completedSent = failedSent = 0;
        // Whoever is new here needs all of it, whatever it thinks it knows.
        needsFull = reply.Resync || (reply.Epoch > Seen && Seen != Epoch.None && !isFull);
        Seen = reply.Epoch;
        HasNews = needsFull || Completed.Count > 0 || Failed.Count > 0 || wants.IsNew;
        IsSettled = HasLeft && !needsFull;
    }

    /// <returns>How long to wait before the next one.</returns>
    public TimeSpan GiveUp(TimeSpan pause)
    {
        awaited = 0;
        completedSent = failedSent = 0;
        HasNews = true;
        var longer = pause * (1 << Math.Min(failures++, 10));
        return longer < LongestPause ? longer : LongestPause;
    }

    /// <summary>The piece is not here after all.</summary>
    public void Forget(int piece)
    {
        var sent = Completed.Take(completedSent).Count(completed => completed.Piece == piece);
        Completed.RemoveAll(completed => completed.Piece == piece);
        completedSent -= sent;
    }

    public MemberReport Next(int slots, TimeSpan now)
    {
        unanswered ??= now;
        sequence++;
        awaited = sequence;
        completedSent = Completed.Count;
        failedSent = Failed.Count;
        HasNews = false;
        wants.IsNew = false;
        isFull = needsFull;
        var report = needsFull ? Describe(slots) : Base(slots) with { Unproven = Guesses() };
        return report with { Completed = [.. Completed], Failed = [.. Failed] };
    }

    public MemberReport Leaving(TimeSpan now)
    {
        HasLeft = true;
        return Next(0, now) with { Leaves = true, StaysAsSource = true };
    }

    /// <summary>Says good-bye whatever is under way; nothing is waited for.</summary>
    public MemberReport Leave(bool staysAsSource)
    {
        HasLeft = true;
        sequence++;
        awaited = 0;
        return Base(0) with { Leaves = true, StaysAsSource = staysAsSource, Completed = [.. Completed], Failed = [.. Failed] };
    }

    public MemberReport Describe(int slots)
    {
        var proven = held.Copy();
        foreach (var piece in unproven.Keys)
            proven.Remove(piece);
        var sums = new List<uint>(proven.Count);
        for (var piece = 0; piece < proven.Size; piece++)
            if (proven.Contains(piece))
                sums.Add(checksums[piece]);
        return Base(slots) with
        {
            Held = proven,
            Checksums = sums,
            Claims = [.. transfers.Claims],
            Partial = [.. partial.Where(piece => !held.Contains(piece.Piece))],
            Unproven = Guesses(),
            Leaves = HasLeft,
            StaysAsSource = HasLeft,
        };
    }

    private IReadOnlyList<CompletedPiece> Guesses() => unproven.Count == 0 ? [] : [.. unproven.Select(guess => new CompletedPiece(guess.Key, guess.Value, string.Empty))];

    private MemberReport Base(int slots) => new()
    {
        From = self,
        Session = session,
        Started = started,
        Sequence = sequence,
        Answered = answered,
        Seen = Seen,
        Manifest = manifest,
        Plan = plan,
        Pieces = held.Size,
        HeldCount = held.Count - unproven.Count,
        Slots = slots,
        Urgent = wants.Untaken(transfers),
        OnlyUrgent = wants.IsAll,
    };
}
