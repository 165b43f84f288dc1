namespace DatasetCache.Bench.Trace;

/// <summary>
/// The best that any policy could do with one cache if it knew the future. With sizes that differ that is too hard to compute; it lies between two numbers that are not: what Belady's
/// rule reaches (the one needed last goes first, sizes or not), and a bound from above.
/// </summary>
internal static class Hindsight
{
    /// <summary>
    /// No policy has more hits: each hit keeps its dataset from one use to the next, which takes bytes × requests of the cache; what all of them take cannot be more than the cache has
    /// (PFOO-U without segments: Berger, Beckmann, Harchol-Balter, 2018). Taking the cheapest first gives the most.
    /// </summary>
    public static int MostHits(IReadOnlyList<int> requests, IReadOnlyList<long> sizes, long capacity)
    {
        var costs = new List<double>();
        var last = new Dictionary<int, int>();
        for (var i = 0; i < requests.Count; i++)
        {
            if (last.TryGetValue(requests[i], out var before) && sizes[requests[i]] <= capacity)
                costs.Add((double)sizes[requests[i]] * (i - before));
            last[requests[i]] = i;
        }
        var (room, hits) = ((double)capacity * requests.Count, 0);
        foreach (var cost in costs.Order())
        {
            room -= cost;
            if (room < 0)
                break;
            hits++;
        }
        return hits;
    }

    /// <summary>What is really reached by knowing the future: the one whose next use is furthest goes first. Something that is not wanted again is not kept.</summary>
    public static int BeladyHits(IReadOnlyList<int> requests, IReadOnlyList<long> sizes, long capacity)
    {
        var next = new int[requests.Count];
        var seen = new Dictionary<int, int>();
        for (var i = requests.Count - 1; i >= 0; i--)
        {
            next[i] = seen.GetValueOrDefault(requests[i], int.MaxValue);
            seen[requests[i]] = i;
        }
        var (held, used, hits) = (new Dictionary<int, int>(), 0L, 0);
        for (var i = 0; i < requests.Count; i++)
        {
            var dataset = requests[i];
            if (held.ContainsKey(dataset))
            {
                hits++;
                held[dataset] = next[i];
                continue;
            }
            held[dataset] = next[i];
            used += sizes[dataset];
            while (used > capacity)
            {
                var furthest = held.MaxBy(pair => (pair.Value, pair.Key)).Key;
                held.Remove(furthest);
                used -= sizes[furthest];
            }
        }
        return hits;
    }
}
