namespace DatasetCache.Coordination;

/// <summary>
/// Decides who does what for one dataset: who lists the origin, who reads which piece from it, who gets which piece from whom, who may evict. It does nothing itself,
/// has no clock and no lock: whoever owns it (a grain, a simulation) calls one method at a time and hands in the time of a monotonic clock, which must not go back.
/// All its state is soft: a new one asks the live nodes (<see cref="Tick"/>, <see cref="Learn"/>).
/// </summary>
internal sealed class DatasetCoordinator(string key, Epoch epoch, CoordinatorOptions options, int seed)
{
    public Epoch Epoch => epoch;

    /// <summary>A node has seen a higher epoch: another activation is the real one. Whoever owns this one ends it; until then its replies make nobody do anything.</summary>
    public bool IsDeposed => throw new NotSupportedException(key + options + seed);

    public ManifestReply Manifest(ManifestRequest request, TimeSpan now) => throw new NotSupportedException();

    public MemberReply Report(MemberReport report, TimeSpan now) => throw new NotSupportedException();

    public ReplicaReply Replica(ReplicaReport report, TimeSpan now) => throw new NotSupportedException();

    public EvictionReply Evict(EvictionRequest request, TimeSpan now) => throw new NotSupportedException();

    /// <summary>The live nodes of the cluster. Call it once before anything else, and whenever it changes.</summary>
    public void NodesAre(IReadOnlyCollection<string> live, TimeSpan now) => throw new NotSupportedException();

    /// <param name="node">One that <see cref="Tick"/> named.</param>
    /// <param name="holding">Its answer; null where none came.</param>
    public void Learn(string node, NodeHolding? holding, TimeSpan now) => throw new NotSupportedException();

    /// <summary>Call it about every second, and at once after the first <see cref="NodesAre"/>.</summary>
    /// <returns>The ids of the nodes to ask now (<see cref="INodeHoldings.Describe"/>); each answer goes to <see cref="Learn"/>, each missing one too.</returns>
    public IReadOnlyList<string> Tick(TimeSpan now) => throw new NotSupportedException();

    public DatasetState State(TimeSpan now) => throw new NotSupportedException();
}
