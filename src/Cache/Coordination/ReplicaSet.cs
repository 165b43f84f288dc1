namespace DatasetCache.Coordination;

/// <summary>Which nodes hold the whole entry, and who may evict it.</summary>
internal sealed class ReplicaSet(CoordinatorOptions options)
{
    private readonly Dictionary<string, ReplicaReport> replicas = [];
    private readonly Dictionary<string, int> stamps = [];
    private TimeSpan grantEnds;

    public int Count => replicas.Count;

    public IEnumerable<ReplicaReport> All => replicas.Values;

    /// <summary>With a number that is another one after each withdrawal and for each other digest or address.</summary>
    public IEnumerable<(ReplicaReport Replica, int Stamp)> Stamped => replicas.Values.Select(replica => (replica, stamps[replica.From.Node]));

    /// <summary>The node that may evict now.</summary>
    public string? Granted { get; private set; }

    /// <summary>Goes up with every change.</summary>
    public int Version { get; private set; }

    /// <returns>How many others have one.</returns>
    public int Report(ReplicaReport report)
    {
        var node = report.From.Node;
        if (report.Withdrawn)
        {
            Remove(node);
            return replicas.Count;
        }

        if (!replicas.TryGetValue(node, out var known) || known.Digest != report.Digest || known.From != report.From)
            stamps[node] = ++Version;
        replicas[node] = report;
        return replicas.Count - 1;
    }

    public void Remove(string node)
    {
        if (replicas.Remove(node))
        {
            Version++;
            stamps.Remove(node);
        }

        if (Granted == node)
            Granted = null;
    }

    /// <param name="isLearning">Not all nodes have said yet what they hold, and nobody can know what was granted before: nothing is granted.</param>
    public (bool Granted, int Others) Evict(EvictionRequest request, bool isLearning, TimeSpan now)
    {
        var node = request.From.Node;
        if (Granted is not null && now >= grantEnds)
            Granted = null;
        // The node that is evicting does not count on being counted on.
        var others = replicas.Keys.Count(other => other != node && other != Granted);
        if (isLearning || (Granted is not null && Granted != node) || (request.Redundant && others == 0))
            return (false, others);
        Granted = node;
        grantEnds = now + options.EvictionLapse;
        return (true, others);
    }

    /// <summary>The manifest that most nodes hold, without the contradicted ones and those that only <paramref name="asking"/> holds.</summary>
    public string? Best(string asking, IReadOnlySet<string> contradicted) => replicas.Values
        .Where(replica => replica.From.Node != asking && replica.From.Node != Granted && !contradicted.Contains(replica.Digest))
        .GroupBy(replica => replica.Digest, StringComparer.Ordinal)
        .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal)
        .FirstOrDefault()?.Key;

    public IEnumerable<Peer> Holders(string digest, string asking) => replicas.Values
        .Where(replica => replica.Digest == digest && replica.From.Node != asking && replica.From.Node != Granted)
        .Select(replica => replica.From);
}
