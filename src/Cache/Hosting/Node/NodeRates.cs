using DatasetCache.Transfers;

namespace DatasetCache.Hosting.Node;

/// <summary>Bytes a second.</summary>
internal readonly record struct TransferRates(long FromOrigin, long FromPeers, long ToPeers, long FromMemory);

/// <summary>What goes by a second, over the last ten: the counters now beside those of then.</summary>
internal sealed class NodeRates
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly Queue<Counts> samples = new();
    private readonly TransferTotals totals;
    private readonly TimeProvider time;

    public NodeRates(TransferTotals totals, TimeProvider time)
    {
        this.totals = totals;
        this.time = time;
        Sample();
    }

    /// <summary>To be called about every second.</summary>
    public void Sample()
    {
        lock (gate)
        {
            samples.Enqueue(Look());
            // One that is older than the window stays, so that there is a whole window to look back on.
            while (samples.Count > 2 && time.GetElapsedTime(samples.ElementAt(1).At) >= Window)
                samples.Dequeue();
        }
    }

    public TransferRates Now()
    {
        Counts then;
        lock (gate)
            then = samples.Peek();
        var now = Look();
        // Of a first moment nothing can be said.
        var seconds = Math.Max(1, time.GetElapsedTime(then.At, now.At).TotalSeconds);
        return new TransferRates(PerSecond(then.FromOrigin, now.FromOrigin), PerSecond(then.FromPeers, now.FromPeers), PerSecond(then.ToPeers, now.ToPeers), PerSecond(then.FromMemory, now.FromMemory));

        long PerSecond(long before, long after) => (long)((after - before) / seconds);
    }

    private Counts Look() => new(time.GetTimestamp(), totals.FromOrigin, totals.FromPeers, totals.ToPeers(), totals.FromMemory());

    private readonly record struct Counts(long At, long FromOrigin, long FromPeers, long ToPeers, long FromMemory);
}
