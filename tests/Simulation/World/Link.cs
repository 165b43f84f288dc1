namespace DatasetCache.Simulation.World;

/// <summary>One direction of a network card: chunks of all flows in turn, each at the full rate.</summary>
internal sealed class Link(EventQueue events, double bytesPerSecond)
{
    private readonly Queue<(Flow Flow, int Bytes)> queue = new();
    private bool isBusy;

    public double Rate { get; set; } = bytesPerSecond;

    public long Carried { get; private set; }

    public void Send(Flow flow, int bytes)
    {
        queue.Enqueue((flow, bytes));
        if (!isBusy)
            Serve();
    }

    private void Serve()
    {
        while (queue.TryDequeue(out var next))
        {
            if (next.Flow.IsCancelled)
                continue;
            isBusy = true;
            events.After(TimeSpan.FromSeconds(next.Bytes / Rate), () =>
            {
                isBusy = false;
                Carried += next.Bytes;
                if (!next.Flow.IsCancelled)
                    next.Flow.Passed(this, next.Bytes);
                if (!isBusy)
                    Serve();
            });
            return;
        }
    }
}

/// <summary>One piece on its way over the sender's and the receiver's link, with a window as TCP's.</summary>
internal sealed class Flow(Link from, Link to, int bytes, int chunk, Action arrived)
{
    private const int Window = 3;

    private int unsent = bytes;
    private int unreceived = bytes;
    private int underWay;
    private bool isQueued;

    public bool IsCancelled { get; private set; }

    /// <summary>Goes on with what comes after this, where it is cancelled.</summary>
    public Action? Next { get; init; }

    public void Start() => SendMore();

    public void Cancel() => IsCancelled = true;

    public void Passed(Link link, int count)
    {
        if (link == from)
        {
            isQueued = false;
            to.Send(this, count);
        }
        else
        {
            underWay--;
            unreceived -= count;
        }

        SendMore();
        if (unreceived == 0 && link == to)
            arrived();
    }

    private void SendMore()
    {
        if (isQueued || unsent == 0 || underWay == Window || IsCancelled)
            return;
        var count = Math.Min(chunk, unsent);
        unsent -= count;
        underWay++;
        isQueued = true;
        from.Send(this, count);
    }
}
