namespace DatasetCache.Transfers;

// Pieces that somebody waits for, ahead of all others.
internal sealed partial class OriginDownload
{
    // Besides those of the download itself.
    private const int MostRaised = 16;
    private readonly List<ClaimDesk> desks = [];
    private readonly Dictionary<(int File, int Piece), Task> raised = [];
    private readonly HashSet<Claim> raisedClaims = [];
    private int everRaised;
    private volatile bool isFinishing;
    private readonly SemaphoreSlim raisedRequests = new(MostRaised);

    /// <summary>
    /// Has a piece fetched at once, with up to <paramref name="count"/> - 1 that follow it, wherever they stood in the download's order. A piece that is being fetched is not fetched
    /// again: its task is returned.
    /// </summary>
    /// <param name="isNew">Whether the piece was not on its way by anybody.</param>
    /// <returns>Ends when the piece is here or cannot be had; nothing but waiting is left where another download has it under way.</returns>
    public Task RaiseAsync(int file, int piece, int count, out bool isNew, CancellationToken stopping)
    {
        isNew = false;
        lock (desks)
        {
            if (staging.Pieces.Has(file, piece))
                return Task.CompletedTask;
            if (raised.TryGetValue((file, piece), out var known))
                return known;
            isNew = TryRaise(file, piece, count, evenUnclaimed: true, stopping);
            return isNew ? raised[(file, piece)] : staging.WhenHere(file, piece);
        }
    }

    /// <summary>Reads a piece before the others, with up to <paramref name="count"/> - 1 that follow it, where this download has it to read and has not come to it.</summary>
    public void Hurry(int file, int piece, int count, CancellationToken stopping)
    {
        lock (desks)
        {
            if (!raised.ContainsKey((file, piece)))
                TryRaise(file, piece, count, evenUnclaimed: false, stopping);
        }
    }

    // False where a download reads it and will have it soon.
    private bool TryRaise(int file, int piece, int count, bool evenUnclaimed, CancellationToken stopping)
    {
        var (got, progressed) = (0, (Action?)null);
        while (got < count && piece + got < staging.Pieces.Count(file) && !staging.Pieces.Has(file, piece + got) && !raised.ContainsKey((file, piece + got))
            && Take(file, piece + got, evenUnclaimed, ref progressed))
            got++;
        if (got == 0)
            return false;
        everRaised = 1;
        var claim = new Claim(file, piece, got, progressed);
        raisedClaims.Add(claim);
        var task = Task.Run(() => FetchRaisedAsync(claim, got, stopping), CancellationToken.None);
        for (var i = 0; i < got; i++)
            raised[(file, piece + i)] = task;
        return true;
    }

    /// <summary>Has everything end with the pieces that are being read. Nothing may be fetched after it.</summary>
    public void Finish()
    {
        lock (desks)
        {
            isFinishing = true;
            foreach (var desk in desks)
                desk.Finish();
            foreach (var claim in raisedClaims)
                claim.Finish();
        }
    }

    /// <summary>Waits until nothing that was raised is under way, whatever came of it.</summary>
    public Task SettleAsync() => AnyRaisedAsync();

    // What was taken out of a download is its own again where it failed.
    private async Task<bool> AnyRaisedAsync()
    {
        Task[] tasks;
        lock (desks)
            tasks = [.. raised.Values];
        await ((Task)Task.WhenAll(tasks)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Interlocked.Exchange(ref everRaised, 0) != 0;
    }

    // False where a download reads it and will have it soon.
    private bool Take(int file, int piece, bool evenUnclaimed, ref Action? progressed)
    {
        foreach (var desk in desks)
        {
            if (desk.Take(file, piece, out var told) is not { } taken)
                continue;
            if (taken && told is not null && progressed?.GetInvocationList().Contains(told) != true)
                progressed += told;
            return taken;
        }
        return evenUnclaimed && !isFinishing;
    }

    private async Task FetchRaisedAsync(Claim claim, int count, CancellationToken stopping)
    {
        try
        {
            await raisedRequests.WaitAsync(stopping);
            try
            {
                using var guard = new StallGuard(options.StallTimeout, time, stopping);
                await ReadClaimAsync(claim, guard, stopping);
                claim.Progressed?.Invoke();
            }
            finally
            {
                raisedRequests.Release();
            }
        }
        finally
        {
            lock (desks)
            {
                raisedClaims.Remove(claim);
                for (var i = 0; i < count; i++)
                    raised.Remove((claim.File, claim.FirstPiece + i));
            }
        }
    }
}
