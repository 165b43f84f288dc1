namespace DatasetCache.Simulation.World;

/// <summary>Which node's words do not reach which other: both ways or one way. A transfer needs both.</summary>
internal sealed class Cuts(SimulatedCluster cluster)
{
    // How long a node may be held to be out of reach after it was: 30 s, and what a report and a tick take.
    public static readonly TimeSpan Echo = TimeSpan.FromSeconds(45);

    private readonly Dictionary<(int From, int To), int> cut = [];
    private readonly Dictionary<(int Low, int High), (TimeSpan Since, TimeSpan? Until)> talks = [];

    public int Count { get; private set; }

    public bool Reaches(int from, int to) => from == to || cut.GetValueOrDefault((from, to)) == 0;

    public bool CanTalk(int one, int other) => Reaches(one, other) && Reaches(other, one);

    /// <summary>A node loses one neighbour or all of them, for a while.</summary>
    public void Cut()
    {
        var nodes = cluster.Nodes.Count;
        if (nodes < 2)
            return;
        Count++;
        var one = cluster.Random.Next(nodes);
        var isWhole = cluster.Random.Next(3) == 0;
        var other = (one + 1 + cluster.Random.Next(nodes - 1)) % nodes;
        var direction = cluster.Random.Next(3);
        var pairs = new List<(int, int)>();
        foreach (var to in isWhole ? Enumerable.Range(0, nodes).Where(to => to != one) : [other])
        {
            if (direction != 1)
                pairs.Add((one, to));
            if (direction != 0)
                pairs.Add((to, one));
        }

        cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} cut {string.Join(' ', pairs.Select(pair => $"{pair.Item1}>{pair.Item2}"))}");
        foreach (var pair in pairs)
        {
            if (CanTalk(pair.Item1, pair.Item2))
                talks[Key(pair.Item1, pair.Item2)] = (cluster.Now, null);
            cut[pair] = cut.GetValueOrDefault(pair) + 1;
            cluster.Nodes[pair.Item1].PeerLost(cluster.Nodes[pair.Item2]);
            cluster.Nodes[pair.Item2].PeerLost(cluster.Nodes[pair.Item1]);
        }

        cluster.Events.After(TimeSpan.FromMilliseconds(cluster.Random.Next(500, 20_000)), () =>
        {
            cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} mended {string.Join(' ', pairs.Select(pair => $"{pair.Item1}>{pair.Item2}"))}");
            foreach (var pair in pairs)
            {
                cut[pair]--;
                var key = Key(pair.Item1, pair.Item2);
                if (CanTalk(pair.Item1, pair.Item2) && talks[key].Until is null)
                    talks[key] = talks[key] with { Until = cluster.Now };
            }
        });
    }

    /// <summary>Somebody, and nobody who is up, heard of and lacks the piece, could get it from this node not long ago: for ten seconds, or nobody got anything from it for as long.</summary>
    public bool IsOutOfReach(SimulatedNode node, int version, int piece, Func<SimulatedNode, bool> isHeardOf) =>
        cluster.Nodes.Exists(other => WasApart(node, other))
        && cluster.Nodes.TrueForAll(other => other == node || !other.IsUp || !isHeardOf(other) || other.HasProven(version, piece) || WasApart(node, other));

    private bool WasApart(SimulatedNode node, SimulatedNode other) =>
        talks.TryGetValue(Key(node.Number, other.Number), out var talk) && cluster.Now - (talk.Until ?? cluster.Now) < Echo
            && ((talk.Until ?? cluster.Now) - talk.Since >= cluster.Scenario.Options.UnreachableLapse || cluster.Now - node.Gave >= cluster.Scenario.Options.UnreachableLapse);

    private static (int Low, int High) Key(int one, int other) => (Math.Min(one, other), Math.Max(one, other));
}
