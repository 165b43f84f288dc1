namespace DatasetCache.Http.Tests.Peers;

/// <summary>A clock that a test moves. Timers run when their time has come by it, in their order, on the thread that moves it.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<Timer> timers = [];
    private TimeSpan passed;

    /// <summary>How far the wall clock is from what it would be.</summary>
    public TimeSpan Off { get; set; }

    public TimeSpan Passed
    {
        get
        {
            lock (gate)
                return passed;
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Passed.Ticks;

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero) + Passed + Off;

    /// <summary>Time passes, and the timers are late.</summary>
    public void Pass(TimeSpan by)
    {
        lock (gate)
            passed += by;
    }

    public void Advance(TimeSpan by)
    {
        var until = Passed + by;
        while (true)
        {
            Timer? next;
            lock (gate)
            {
                next = timers.Where(timer => timer.Due <= until).MinBy(timer => timer.Due);
                passed = next is null || next.Due < passed ? (next is null ? until : passed) : next.Due;
                next?.Rearm(passed);
            }
            if (next is null)
                return;
            next.Run();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(SteppedTime time, Action run) : ITimer
    {
        private TimeSpan period;

        public TimeSpan Due { get; private set; }

        public void Run() => run();

        public void Rearm(TimeSpan now)
        {
            if (period > TimeSpan.Zero)
                Due = now + period;
            else
                time.timers.Remove(this);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                time.timers.Remove(this);
                this.period = period;
                Due = time.passed + dueTime;
                if (dueTime != Timeout.InfiniteTimeSpan)
                    time.timers.Add(this);
            }
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
