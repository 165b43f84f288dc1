namespace DatasetCache.Bench.Trace;

/// <summary>What a replayed trace came to.</summary>
/// <param name="Hits">Jobs that found their dataset on their host.</param>
/// <param name="FromPeers">Bytes that came from other hosts.</param>
/// <param name="Hosts">Where each job ran, in the order of the jobs.</param>
internal sealed record Replayed(int Hits, long FromPeers, long FromOrigin, long Wanted, IReadOnlyList<int> Hosts)
{
    public double HitRate => (double)Hits / Hosts.Count;

    public long OverNetwork => FromPeers + FromOrigin;
}

/// <summary>Runs a trace through caches that begin empty.</summary>
internal static class Replay
{
    private const int Slots = 16;
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <param name="capacity">Of each host.</param>
    /// <param name="hints">Whether a job goes to the host that has most of its dataset, of those with a free slot; else where the trace says.</param>
    public static Replayed Run(JobTrace trace, long capacity, TracePolicy policy, bool hints)
    {
        var hosts = new TraceHost[trace.Shape.Hosts];
        var slots = Slots / hosts.Length;
        for (var i = 0; i < hosts.Length; i++)
        {
            var self = i;
            hosts[i] = new TraceHost(capacity, policy, dataset => IsHeld(dataset, self));
        }
        bool IsHeld(int dataset, int except) => hosts.Where((host, i) => i != except && host.Holds(dataset)).Any();

        var (hits, peers, origin, wanted, now, chosen) = (0, 0L, 0L, 0L, Start, new List<int>());
        foreach (var job in trace.Jobs)
        {
            // In turn: a job that waits for a slot is not overtaken.
            now = Start + job.Arrives > now ? Start + job.Arrives : now;
            var earliest = hosts.Min(host => host.FreeAt(slots, now));
            now = earliest > now ? earliest : now;
            var free = Enumerable.Range(0, hosts.Length).Where(host => hosts[host].Running(now) < slots).ToArray();
            // Without a hint, and among equals: the trace's own host or the next after it that has a slot.
            var there = free.OrderBy(host => hints && hosts[host].Holds(job.Dataset) ? 0 : 1).ThenBy(host => (host - job.Host + hosts.Length) % hosts.Length).First();
            var (size, elsewhere) = (trace.Sizes[job.Dataset], IsHeld(job.Dataset, there));
            wanted += size;
            if (hosts[there].Use(job.Dataset, size, now, now + job.Lasts))
                hits++;
            else if (elsewhere)
                peers += size;
            else
                origin += size;
            chosen.Add(there);
        }
        return new Replayed(hits, peers, origin, wanted, chosen);
    }
}
