namespace DatasetCache.Coordination;

/// <summary>
/// Decides who does what for one dataset: who lists the origin, who reads which piece from it, who gets which piece from whom, who may evict. It does nothing itself,
/// has no clock and no lock: whoever owns it (a grain, a simulation) calls one method at a time and hands in the time of a monotonic clock, which must not go back.
/// All its state is soft: a new one asks the live nodes (<see cref="Tick"/>, <see cref="Learn"/>).
/// </summary>
internal sealed class DatasetCoordinator(string key, Epoch epoch, CoordinatorOptions options, int seed)
{
    private readonly Random random = new(seed);
    private readonly ClusterNodes nodes = new(options);
    private readonly ListingClaim listing = new(options);
    private readonly ReplicaSet replicas = new(options);
    private readonly Dictionary<string, Swarm> swarms = [];

    public Epoch Epoch => epoch;

    /// <summary>A node has seen a higher epoch: another activation is the real one. Whoever owns this one ends it; until then its replies make nobody do anything.</summary>
    public bool IsDeposed { get; private set; }

    /// <summary>The highest epoch that a node named: whoever ends a deposed one and begins another takes a higher one than this.</summary>
    public Epoch HighestSeen { get; private set; }

    public ManifestReply Manifest(ManifestRequest request, TimeSpan now)
    {
        if (IsStale(request.Seen))
            return Wait();
        var node = request.From.Node;
        if (request.Contradicted is { } contradicted && listing.Contradict(contradicted))
        {
            foreach (var swarm in swarms.Values)
                swarm.Supersede(contradicted, now);
        }

        if (request.Failed is { } reason)
            listing.Failed(node, reason, now);
        // What the origin said stays said; what the node holds and wants, it has told anew since.
        if (listing.IsLate(request, now))
            return Wait();
        if (request.Listed is { } listed)
            listing.Listed(request.From, listed, request.ListedAge, request.JobId, now);
        // What a mutable dataset is now is listed under a key of its own, which has no replicas.
        if (request.MaxAge is null && replicas.Best(node, listing.Contradicted) is { } digest)
        {
            var holders = replicas.Holders(digest, node).ToArray();
            random.Shuffle(holders);
            return new ManifestReply { Epoch = epoch, Decision = ManifestDecision.TakeReplica, Digest = digest, Holders = [.. holders.Take(options.NamedHolders)] };
        }

        if (request.IsNotice)
            return Wait();
        return listing.Decide(request, epoch, nodes.LearningFor(now), now);
    }

    private ManifestReply Wait() => new ManifestReply { Epoch = epoch, Decision = ManifestDecision.Wait, Pause = options.ListingPause };

    public MemberReply Report(MemberReport report, TimeSpan now)
    {
        if (IsStale(report.Seen))
            return new MemberReply { Epoch = epoch, Sequence = report.Sequence, Pause = options.ListingPause };
        if (!swarms.TryGetValue(report.Plan, out var swarm))
        {
            if (report.Held is null)
                return new MemberReply { Epoch = epoch, Sequence = report.Sequence, Resync = true, Pause = options.Heartbeat };
            swarms.Add(report.Plan, swarm = new Swarm(report.Plan, report.Pieces, options, random));
        }

        return swarm.Report(report, epoch, replicas, listing.Contradicted.Contains(report.Manifest), !nodes.IsLearning(now), now);
    }

    public ReplicaReply Replica(ReplicaReport report, TimeSpan now)
    {
        _ = nodes.IsLearning(now);
        if (IsStale(report.Seen))
            return new ReplicaReply(epoch, 0);
        foreach (var swarm in swarms.Values)
            if (report.Withdrawn)
                swarm.Withdraw(report.From.Node, now);
            else
                swarm.Announced(report.From.Node);
        return new ReplicaReply(epoch, replicas.Report(report));
    }

    public EvictionReply Evict(EvictionRequest request, TimeSpan now)
    {
        if (IsStale(request.Seen))
            return new EvictionReply(epoch, Granted: false, 0);
        var (granted, others) = replicas.Evict(request, nodes.IsLearning(now), now);
        return new EvictionReply(epoch, granted, others);
    }

    /// <summary>The live nodes of the cluster. Call it once before anything else, and whenever it changes.</summary>
    public void NodesAre(IReadOnlyCollection<string> live, TimeSpan now)
    {
        foreach (var node in nodes.Become(live, now))
        {
            listing.Gone(node);
            replicas.Remove(node);
            foreach (var swarm in swarms.Values)
                swarm.Drop(node, isOver: true, now);
        }
    }

    /// <param name="node">One that <see cref="Tick"/> named.</param>
    /// <param name="holding">Its answer; null where none came.</param>
    public void Learn(string node, NodeHolding? holding, TimeSpan now)
    {
        if (holding is not null && IsStale(holding.Seen))
            return;
        nodes.Answered(node);
        if (holding is null)
        {
            // It may only be busy, or cut off; its claims are others' now. If it comes back it says what it has.
            foreach (var swarm in swarms.Values)
                if (swarm.Heard(node) is { } heard && now - heard >= options.ClaimLapse && swarm.IsMember(node))
                    swarm.Drop(node, isOver: false, now);
            return;
        }

        if (holding.Replica is { } replica)
            replicas.Report(replica);
        if (holding.Listing is { } listed)
            listing.Listed(holding.From, listed, holding.ListingAge, job: null, now);
        foreach (var download in holding.Downloads)
        {
            if (!swarms.TryGetValue(download.Plan, out var swarm))
                swarms.Add(download.Plan, swarm = new Swarm(download.Plan, download.Pieces, options, random));
            swarm.Learn(download, now);
        }

        // What it was doing and does not name any more is over, where that is not younger than the answer.
        foreach (var swarm in swarms.Values)
            if (!holding.Downloads.Any(download => download.Plan == swarm.Plan) && swarm.IsMember(node) && now - swarm.Heard(node) >= options.ClaimLapse)
                swarm.Drop(node, isOver: false, now);
    }

    /// <summary>Call it about every second, and at once after the first <see cref="NodesAre"/>.</summary>
    /// <returns>The ids of the nodes to ask now (<see cref="INodeHoldings.Describe"/>); each answer goes to <see cref="Learn"/>, each missing one too.</returns>
    public IReadOnlyList<string> Tick(TimeSpan now)
    {
        if (IsDeposed)
            return [];
        foreach (var node in nodes.Overdue(now))
            Learn(node, holding: null, now);
        foreach (var swarm in swarms.Values)
        {
            swarm.Tick(now);
            foreach (var node in swarm.Silent(now))
                nodes.Ask(node);
        }

        foreach (var plan in swarms.Values.Where(swarm => swarm.IsIdle && now - swarm.Touched >= options.IdlePlan).Select(swarm => swarm.Plan).ToList())
            swarms.Remove(plan);
        return nodes.TakeDue(now);
    }

    public DatasetState State(TimeSpan now) => new()
    {
        Key = key,
        Epoch = epoch,
        IsDeposed = IsDeposed,
        IsLearning = nodes.IsLearning(now),
        LiveNodes = nodes.Count,
        Listing = listing.Current,
        ListingAge = listing.Age(now),
        Lister = listing.Lister,
        ReplicaCount = replicas.Count,
        Replicas =
        [
            .. replicas.All.Take(DatasetState.Listed).Select(replica =>
                new ReplicaState(replica.From.Node, replica.From.Endpoint, replica.CacheKey, replica.Digest, replica.Bytes)),
        ],
        Evicting = replicas.Granted,
        PlanCount = swarms.Count,
        Plans = [.. swarms.Values.Take(DatasetState.Listed).Select(swarm => swarm.State(now))],
    };

    private bool IsStale(Epoch seen)
    {
        if (seen > HighestSeen)
            HighestSeen = seen;
        if (seen > epoch)
            IsDeposed = true;
        return IsDeposed;
    }
}
