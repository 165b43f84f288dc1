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
            var got = 0;
            while (got < count && piece + got < staging.Pieces.Count(file) && !staging.Pieces.Has(file, piece + got) && !raised.ContainsKey((file, piece + got)) && Take(file, piece + got))
                got++;
            if (got == 0)
                return staging.WhenHere(file, piece);
            isNew = true;
            everRaised = 1;
            var claim = new Claim(file, piece, got);
            raisedClaims.Add(claim);
            var task = Task.Run(() => FetchRaisedAsync(claim, got, stopping), CancellationToken.None);
            for (var i = 0; i < got; i++)
                raised[(file, piece + i)] = task;
            return task;
        }
    }

    /// <summary>Has what was raised end with the piece that it is at.</summary>
    public void FinishRaised()
    {
        lock (desks)
        {
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
    private bool Take(int file, int piece)
    {
        foreach (var desk in desks)
        {
            if (desk.Take(file, piece) is { } taken)
                return taken;
        }
        return true;
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
