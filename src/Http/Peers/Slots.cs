namespace DatasetCache.Http.Peers;

/// <summary>So many at once, and the others in the order of coming; how many can be changed.</summary>
internal sealed class Slots(int limit)
{
    private readonly Lock gate = new();
    private readonly Queue<TaskCompletionSource> waiters = new();
    private int limit = limit;
    private int taken;

    public int Taken => Volatile.Read(ref taken);

    public int Limit
    {
        get => Volatile.Read(ref limit);
        set
        {
            lock (gate)
            {
                limit = value;
                Release();
            }
        }
    }

    /// <returns>False where none was free for this time.</returns>
    public async ValueTask<bool> TryEnterAsync(TimeSpan patience, TimeProvider time)
    {
        if (TryTake())
            return true;
        using var over = new CancellationTokenSource(patience, time);
        try
        {
            await EnterAsync(over.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource waiter;
        lock (gate)
        {
            if (taken < limit)
            {
                taken++;
                return;
            }
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Enqueue(waiter);
        }
        await using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), waiter);
        await waiter.Task;
    }

    public void Leave()
    {
        lock (gate)
        {
            taken--;
            Release();
        }
    }

    private bool TryTake()
    {
        lock (gate)
        {
            if (taken >= limit)
                return false;
            taken++;
            return true;
        }
    }

    private void Release()
    {
        while (taken < limit && waiters.TryDequeue(out var next))
        {
            if (next.TrySetResult())
                taken++;
        }
    }
}
