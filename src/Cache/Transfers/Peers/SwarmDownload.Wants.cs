namespace DatasetCache.Transfers.Peers;

// Pieces that somebody reads while they come.
internal sealed partial class SwarmDownload
{
    // What is under way ends with the piece that it is at; a slow origin's is given up.
    private static readonly TimeSpan EndingTime = TimeSpan.FromSeconds(2);

    // True: it came from another node.
    private readonly Dictionary<int, TaskCompletionSource<bool>> awaited = [];
    private readonly HashSet<(int File, int Piece)> awaitedParts = [];
    private readonly HashSet<int> guesses = [];
    private readonly CancellationTokenSource ended = new();
    private readonly bool[] fromPeer;
    private readonly bool isReader;
    private CancellationToken stopped;
    private bool isEnding;
    private volatile bool isOver;

    /// <summary>The numbers that a piece of a file and those that follow it have in the plan, in order and each once.</summary>
    /// <param name="file">By its number in the staging area.</param>
    /// <returns>None where the plan does not have the file.</returns>
    public IReadOnlyList<int> PiecesOf(int file, int piece, int count)
    {
        var planned = Planned(file);
        return planned < 0 ? [] : [.. Enumerable.Range(piece, Math.Min(count, staging.Pieces.Count(file) - piece)).Select(each => plan.Plan.PieceOf(planned, each)).Distinct()];
    }

    /// <summary>All that comes with these pieces, by the staging area's numbers.</summary>
    public IEnumerable<(int File, int Piece)> Parts(IReadOnlyList<int> pieces) => pieces.SelectMany(plan.Plan.Parts).Select(part => (plan.Ordinals[part.File], part.Piece));

    /// <summary>Nothing that is wanted comes any more.</summary>
    public bool IsOver => isOver;

    /// <summary>Whether a piece came, or is coming, from another node.</summary>
    public bool IsFromPeer(int piece) => Volatile.Read(ref fromPeer[piece]);

    /// <summary>Has pieces fetched before all others: from who has them, or from the origin if nobody has or reads them.</summary>
    /// <param name="file">What is read, by its number in the staging area.</param>
    /// <param name="pieces">Of <see cref="PiecesOf"/>.</param>
    /// <param name="isNew">Whether nobody had asked for the first of them.</param>
    /// <returns>Ends when the first of them is here and known to be right, or cannot be had; cancelled when this download ends.</returns>
    public Task WantAsync(int file, int piece, IReadOnlyList<int> pieces, out bool isNew)
    {
        Task first;
        bool isRead;
        lock (gate)
        {
            isNew = false;
            if (member.IsProven(pieces[0]))
                return Task.CompletedTask;
            if (isOver || isEnding)
                return Task.FromCanceled(new CancellationToken(canceled: true));
            isNew = !awaited.ContainsKey(pieces[0]);
            foreach (var each in pieces)
            {
                if (!member.IsProven(each) && !awaited.ContainsKey(each))
                    awaited.Add(each, new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
            }
            first = awaited[pieces[0]].Task;
            awaitedParts.Add((file, piece));
            member.Want(pieces);
            isRead = running.ContainsKey((pieces[0], null));
        }
        // Without the gate: who takes bytes in for a claim of the origin comes through it, holding that claim.
        if (isRead)
            origin.Hurry(file, piece, pieces.Count, stopped);
        Wake();
        return first;
    }

    /// <summary>Ends a download that only fetches what is wanted; what it has it goes on giving to others.</summary>
    public void End()
    {
        lock (gate)
        {
            isEnding = true;
            ended.CancelAfter(EndingTime);
        }
        origin.Finish();
        Wake();
    }

    /// <summary>What it has, told again: a coordinator may have forgotten it.</summary>
    public Task RemindAsync() => TellAsync(Describe());

    /// <summary>What it had is not given to others any more.</summary>
    public Task ForgetAsync() => TellAsync(Leaving(staysAsSource: false));

    private int Planned(int file)
    {
        var (low, high) = (0, plan.Ordinals.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (plan.Ordinals[middle] == file)
                return middle;
            if (plan.Ordinals[middle] < file)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return -1;
    }

    // With the gate held, as all that follows: tells those who wait for what was found to be right.
    private void Answer()
    {
        foreach (var piece in guesses.Where(piece => member.IsProven(piece) || !member.Held.Contains(piece)).ToArray())
        {
            guesses.Remove(piece);
            if (!member.IsProven(piece))
                continue;
            foreach (var (file, part) in Parts([piece]))
                staging.Prove(file, part);
        }
        foreach (var piece in awaited.Keys.Where(member.IsProven).ToArray())
        {
            awaited.Remove(piece, out var one);
            one!.TrySetResult(fromPeer[piece]);
        }
        if (awaited.Count == 0)
            awaitedParts.Clear();
    }

    // Never with the gate held, as all that reaches into the origin's claims.
    private void Hurry(int piece)
    {
        var first = plan.Plan.PartAt(piece, 0);
        for (var part = 0; part < plan.Plan.PartCount(piece); part++)
            origin.Hurry(plan.Ordinals[first.File + part], first.Piece, count: 1, stopped);
    }

    // Of many small files in one piece those come first that somebody waits for.
    private IReadOnlyList<(int File, int Piece)> AwaitedFirst(List<(int File, int Piece)> parts)
    {
        lock (gate)
            return awaitedParts.Count == 0 ? parts : [.. parts.OrderBy(part => !awaitedParts.Contains(part))];
    }

    private void Fail(int piece, Exception e)
    {
        member.Forget(piece);
        if (awaited.Remove(piece, out var one))
            End(one, e);
    }

    private void Fail(Exception e)
    {
        lock (gate)
        {
            isOver = true;
            foreach (var (_, one) in awaited)
                End(one, isReader ? e : new OperationCanceledException());
            awaited.Clear();
        }
    }

    private static void End(TaskCompletionSource<bool> one, Exception e)
    {
        if (e is OperationCanceledException)
            one.TrySetCanceled();
        else
            one.TrySetException(e);
        // Nobody may be waiting.
        _ = one.Task.Exception;
    }
}
