using DatasetCache.Transfers;

namespace DatasetCache;

/// <summary>
/// One acquisition that any number of callers in this process share. It goes on while one of them still wants it, and is cancelled when the
/// last has left.
/// </summary>
/// <param name="name">What progress is called.</param>
/// <param name="meter">What it has done so far.</param>
/// <param name="describe">What it fetches, as of now.</param>
internal sealed class Flight(string name, TransferMeter meter, Func<TransferMeter, CancellationToken, Task<Acquired>> run, TimeProvider time, Func<AcquireProgress, DatasetDownload> describe)
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(100);
    private readonly Lock gate = new();
    private readonly CancellationTokenSource abandoned = new();
    private Task<Acquired>? task;
    private int passengers, pilotless;
    private bool givenUp;

    public TransferMeter Meter => meter;

    public DatasetDownload Describe() => describe(meter.Snapshot(name));

    public bool IsOver => task is { IsCompleted: true };

    /// <summary>False where the flight is over or given up: the caller needs a new one.</summary>
    public bool TryBoard(out bool pilot)
    {
        lock (gate)
        {
            pilot = task is null;
            if (givenUp || task is { IsCompleted: true })
                return false;
            passengers++;
            task ??= Task.Run(() => run(Meter, abandoned.Token));
            return true;
        }
    }

    /// <param name="pilot">What <see cref="TryBoard"/> said.</param>
    /// <param name="land">
    /// Called while the flight still keeps the entry from being evicted; true for the one whom the download is put down to: the pilot, or where he left early
    /// somebody who stayed.
    /// </param>
    public async Task<T> WaitAsync<T>(bool pilot, Func<Acquired, bool, T> land, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            if (progress is null)
                return Land(await task!.WaitAsync(cancellationToken));
            while (!task!.IsCompleted)
            {
                progress.Report(Meter.Snapshot(name));
                await Task.WhenAny(task.WaitAsync(cancellationToken), Task.Delay(ReportEvery, time, CancellationToken.None));
                cancellationToken.ThrowIfCancellationRequested();
            }
            progress.Report(Meter.Snapshot(name));
            return Land(await task);
        }
        catch (OperationCanceledException) when (pilot)
        {
            Interlocked.Exchange(ref pilotless, 1);
            throw;
        }
        finally
        {
            await LeaveAsync();
        }

        T Land(Acquired acquired) => land(acquired, pilot || Interlocked.Exchange(ref pilotless, 0) == 1);
    }

    private async Task LeaveAsync()
    {
        lock (gate)
        {
            if (--passengers > 0)
                return;
            givenUp = true;
        }
        if (!task!.IsCompleted)
            await abandoned.CancelAsync();
        // The last to leave sees the download to its orderly end: what has arrived is in the journal, and the locks are free.
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (task.IsCompletedSuccessfully)
            (await task).Lease?.Dispose();
    }
}
