namespace DatasetCache.Testing;

/// <summary>A clock that jumps to whatever somebody waits for: what would take hours takes no time, and says how long it would have taken.</summary>
public sealed class RacingTime : TimeProvider
{
    private readonly Lock gate = new();
    private DateTimeOffset wall = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private TimeSpan monotonic;

    /// <summary>How much time has passed by the clock that nobody can set.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (gate)
                return monotonic;
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return wall;
    }

    public override long GetTimestamp()
    {
        lock (gate)
            return monotonic.Ticks;
    }

    /// <summary>Time passes.</summary>
    public void Advance(TimeSpan by)
    {
        lock (gate)
            (wall, monotonic) = (wall + by, monotonic + by);
    }

    /// <summary>Somebody sets the clock; no time passes.</summary>
    public void SetClock(TimeSpan by)
    {
        lock (gate)
            wall += by;
    }

    /// <summary>Asked with each wait; false leaves it waiting for ever.</summary>
    public Func<TimeSpan, bool>? BeforeWait { get; set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != Timeout.InfiniteTimeSpan && BeforeWait?.Invoke(dueTime) != false)
        {
            Advance(dueTime);
            ThreadPool.QueueUserWorkItem(_ => callback(state));
        }
        return new Fired();
    }

    private sealed class Fired : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
