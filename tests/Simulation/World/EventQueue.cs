namespace DatasetCache.Simulation.World;

/// <summary>Simulated time: what happens when, in an order that the seed alone decides.</summary>
internal sealed class EventQueue
{
    private readonly PriorityQueue<Action, (TimeSpan Time, long Order)> queue = new();
    private long order;

    public TimeSpan Now { get; private set; }

    public long Happened { get; private set; }

    public void After(TimeSpan delay, Action action) => queue.Enqueue(action, (Now + delay, order++));

    /// <returns>False where nothing is left to happen.</returns>
    public bool Next()
    {
        if (!queue.TryDequeue(out var action, out var priority))
            return false;
        Now = priority.Time;
        Happened++;
        action();
        return true;
    }
}
