namespace DatasetCache.Transfers;

/// <summary>
/// Bounds the bytes that are under way and in no journal yet: what a kill loses, and what buffers take. First come, first served, so that
/// large claims are not starved by small ones.
/// </summary>
internal sealed class ByteBudget
{
    private readonly int capacity;
    private readonly Lock gate = new();
    private readonly Queue<(int Bytes, TaskCompletionSource Granted)> waiting = new();
    private int free;

    public ByteBudget(int capacity) => this.capacity = free = capacity;

    public ValueTask TakeAsync(int bytes)
    {
        bytes = Math.Min(bytes, capacity);
        lock (gate)
        {
            if (waiting.Count == 0 && free >= bytes)
            {
                free -= bytes;
                return ValueTask.CompletedTask;
            }
            var granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Enqueue((bytes, granted));
            return new ValueTask(granted.Task);
        }
    }

    public void Return(int bytes)
    {
        lock (gate)
        {
            free += Math.Min(bytes, capacity);
            while (waiting.TryPeek(out var next) && free >= next.Bytes)
            {
                waiting.Dequeue();
                free -= next.Bytes;
                next.Granted.SetResult();
            }
        }
    }
}
