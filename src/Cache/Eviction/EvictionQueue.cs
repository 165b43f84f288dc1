namespace DatasetCache.Eviction;

/// <summary>
/// The entries one after the other in the order of eviction. Few are needed as a rule, so few are sorted: one pass finds the first dozens of ten
/// thousand. To be used again for every decision, by one at a time.
/// </summary>
internal sealed class EvictionQueue(EntryIndex index)
{
    private const int FirstBatch = 64, Growth = 16;

    private readonly PriorityQueue<string, EvictionRank> queue = new();
    private readonly PriorityQueue<string, EvictionRank> lowest = new(Comparer<EvictionRank>.Create((a, b) => b.CompareTo(a)));
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private int batch;
    private bool isWhole;
    private EvictionRank last;

    /// <summary>Begins anew, with what the index knows by now.</summary>
    public void Start()
    {
        index.Refresh();
        queue.Clear();
        taken.Clear();
        (batch, isWhole) = (FirstBatch, false);
    }

    /// <summary>The next one, its usage read again; null after the last.</summary>
    public EvictionCandidate? Next(DateTimeOffset now)
    {
        while (true)
        {
            if (!queue.TryDequeue(out var key, out var rank))
            {
                if (isWhole)
                    return null;
                FillQueue(now);
                continue;
            }
            if (index.RereadUsage(key) is not { } current)
                continue;
            var actual = EvictionOrder.RankOf(current, now);
            if (actual <= rank)
            {
                taken.Add(key);
                return current;
            }
            // It was used since its usage was read, and comes later. Behind the batch others may be before it: the next batch finds it again.
            if (isWhole || actual <= last)
                queue.Enqueue(key, actual);
        }
    }

    private void FillQueue(DateTimeOffset now)
    {
        isWhole = index.Lowest(lowest, batch, taken, now);
        batch *= Growth;
        last = lowest.TryPeek(out _, out var rank) ? rank : default;
        while (lowest.TryDequeue(out var key, out rank))
            queue.Enqueue(key, rank);
    }
}
