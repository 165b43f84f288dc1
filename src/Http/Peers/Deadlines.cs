using System.Collections.Concurrent;

namespace DatasetCache.Http.Peers;

/// <summary>
/// Ends what takes too long, for any number of connections with one timer: setting a deadline costs a write to memory, where a timer or a token for every read would cost more than the read.
/// </summary>
internal sealed class Deadlines : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private readonly ConcurrentDictionary<Deadline, bool> all = new();
    private readonly TimeProvider time;
    private readonly ITimer timer;

    public Deadlines(TimeProvider time)
    {
        this.time = time;
        timer = time.CreateTimer(static state => ((Deadlines)state!).Sweep(), this, Tick, Tick);
    }

    /// <param name="passed">Called once, when the deadline is over, from a thread of the pool.</param>
    public Deadline Add(Action passed)
    {
        var deadline = new Deadline(this, passed);
        all[deadline] = true;
        return deadline;
    }

    public void Dispose() => timer.Dispose();

    private void Sweep()
    {
        var now = time.GetTimestamp();
        foreach (var (deadline, _) in all)
            deadline.Look(now);
    }

    internal sealed class Deadline(Deadlines owner, Action passed) : IDisposable
    {
        private long due = long.MaxValue;

        public bool IsPassed { get; private set; }

        public void Set(TimeSpan after) => Volatile.Write(ref due, owner.time.GetTimestamp() + (long)(after.TotalSeconds * owner.time.TimestampFrequency));

        public void Clear() => Volatile.Write(ref due, long.MaxValue);

        public void Dispose() => owner.all.TryRemove(this, out _);

        internal void Look(long now)
        {
            if (now < Volatile.Read(ref due) || IsPassed)
                return;
            IsPassed = true;
            Dispose();
            passed();
        }
    }
}
