namespace DatasetCache.Coordination;

/// <summary>Who takes part in one plan: nodes that download, nodes that are done and go on serving, and nodes that hold the whole entry.</summary>
internal sealed class SwarmRoster
{
    private readonly Dictionary<string, SwarmNode> byNode = [];
    private readonly Dictionary<string, (int Stamp, SwarmNode Node)> wholes = [];
    private int replicaVersion = -1;

    /// <summary>Those with a download of this plan, over or not.</summary>
    public List<SwarmNode> Members { get; } = [];

    /// <summary>Those with the whole entry that others could get it from.</summary>
    public List<SwarmNode> Replicas { get; } = [];

    /// <summary>How many download all of it.</summary>
    public int Active { get; private set; }

    public SwarmNode? Find(string name) => byNode.GetValueOrDefault(name);

    public bool IsActive(string name) => byNode.TryGetValue(name, out var node) && !node.IsSourceOnly;

    public void Join(SwarmNode node)
    {
        byNode.Add(node.Peer.Node, node);
        Members.Add(node);
        if (!node.IsReader)
            Active++;
    }

    /// <returns>Null where it was not there.</returns>
    public SwarmNode? Remove(string name)
    {
        if (!byNode.Remove(name, out var node))
            return null;
        if (node is { IsSourceOnly: false, IsReader: false })
            Active--;
        node.IsGone = true;
        Members.Remove(node);
        return node;
    }

    /// <summary>Its download is over; what it has it goes on serving.</summary>
    public void Rest(SwarmNode node)
    {
        if (node.IsSourceOnly)
            return;
        node.IsSourceOnly = true;
        if (!node.IsReader)
            Active--;
    }

    public SwarmNode? Replica(string name) => wholes.TryGetValue(name, out var whole) ? whole.Node : null;

    /// <summary>It does not have what it was thought to have: not named again before it announces the entry anew.</summary>
    public void Refuse(SwarmNode replica)
    {
        replica.IsGone = true;
        Replicas.Remove(replica);
    }

    /// <summary>What is known of a holder of the whole lives as long as its announcement does.</summary>
    public void Know(ReplicaSet replicas)
    {
        if (replicas.Version == replicaVersion)
            return;
        replicaVersion = replicas.Version;
        var old = new Dictionary<string, (int Stamp, SwarmNode Node)>(wholes);
        wholes.Clear();
        Replicas.Clear();
        PieceSet? none = null;
        foreach (var (replica, stamp) in replicas.Stamped)
        {
            var whole = old.TryGetValue(replica.From.Node, out var known) && known.Stamp == stamp
                ? known.Node
                : new SwarmNode(replica.From, Guid.Empty, 0, none ??= new PieceSet(0)) { IsReplica = true };
            wholes.Add(replica.From.Node, (stamp, whole));
            if (!whole.IsGone)
                Replicas.Add(whole);
        }
    }
}
