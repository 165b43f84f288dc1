namespace DatasetCache.Http.Peers;

/// <summary>
/// A token bucket that all transfers of one kind share. Who waits is served in the order of coming, a small portion at a time, so that all go on at the same pace. What is taken may run
/// into debt: the next one waits for it.
/// </summary>
internal sealed class RateLimit : IDisposable
{
    // What was not used is kept for this long: as much as timers of a busy machine are late.
    private static readonly TimeSpan Kept = TimeSpan.FromMilliseconds(100);
    // A portion is what passes in this time: with 60 transfers each still gets some within 1.5 s.
    private static readonly TimeSpan PortionTime = TimeSpan.FromMilliseconds(25);
    private const int LeastPortion = 1024;
    private const int MostPortion = 256 * 1024;

    private readonly Lock gate = new();
    private readonly Queue<Waiter> waiters = new();
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private long perSecond;
    private double available;
    private long counted;

    public RateLimit(TimeProvider time)
    {
        this.time = time;
        counted = time.GetTimestamp();
        timer = time.CreateTimer(static state => ((RateLimit)state!).Release(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>0 for no limit. Who waits is served by the new rate at once.</summary>
    public long PerSecond
    {
        get => Volatile.Read(ref perSecond);
        set
        {
            lock (gate)
            {
                Refill();
                // A debt is time that somebody has to wait: by the new rate it is another amount.
                if (perSecond > 0 && value > 0)
                    available *= (double)value / perSecond;
                else
                    available = 0;
                Volatile.Write(ref perSecond, value);
            }
            Release();
        }
    }

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return waiters.Count;
        }
    }

    /// <summary>How much to take at once, so that others come in between.</summary>
    public int Portion(int most) => PerSecond is > 0 and var rate ? (int)Math.Min(most, Math.Clamp(rate * PortionTime.TotalSeconds, LeastPortion, MostPortion)) : most;

    /// <summary>Waits for its turn.</summary>
    public ValueTask TakeAsync(long amount, CancellationToken cancellationToken)
    {
        if (PerSecond == 0)
            return ValueTask.CompletedTask;
        Waiter waiter;
        lock (gate)
        {
            Refill();
            if (perSecond == 0 || (waiters.Count == 0 && available > 0))
            {
                available -= amount;
                return ValueTask.CompletedTask;
            }
            waiter = new Waiter(amount);
            waiters.Enqueue(waiter);
            if (waiters.Count == 1)
                Arm();
        }
        return new ValueTask(waiter.WaitAsync(cancellationToken));
    }

    /// <summary>Gives back what was taken and not used; a negative amount is what was used beyond.</summary>
    public void Return(long amount)
    {
        if (amount == 0 || PerSecond == 0)
            return;
        lock (gate)
            available += amount;
    }

    public void Dispose() => timer.Dispose();

    private void Release()
    {
        lock (gate)
        {
            Refill();
            while (waiters.TryPeek(out var next) && (perSecond == 0 || available > 0))
            {
                waiters.Dequeue();
                if (next.TrySetResult())
                    available -= next.Amount;
            }
            if (waiters.Count > 0)
                Arm();
        }
    }

    private void Refill()
    {
        var now = time.GetTimestamp();
        var passed = time.GetElapsedTime(counted, now);
        counted = now;
        available = Math.Min(available + (passed.TotalSeconds * perSecond), Math.Max(Kept.TotalSeconds * perSecond, 1));
    }

    private void Arm() => timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling((1 - available) * 1000 / perSecond), 1, 1000)), Timeout.InfiniteTimeSpan);

    private sealed class Waiter(long amount) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Amount => amount;

        public async Task WaitAsync(CancellationToken cancellationToken)
        {
            await using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((Waiter)state!).TrySetCanceled(token), this);
            await Task;
        }
    }
}
