using DatasetCache.Coordination;

namespace DatasetCache.Simulation.World;

/// <summary>A node: its links, its disk, and the shell around a <see cref="SwarmMember"/> as the engine has one.</summary>
internal sealed partial class SimulatedNode(SimulatedCluster cluster, int number)
{
    private readonly Dictionary<int, Dictionary<int, uint>> disk = [];
    private readonly Dictionary<(int Piece, string? Source), Flow?> flows = [];
    private Epoch seen;
    private int life;
    private int? version;
    private int? listed;
    private TimeSpan listedAt;
    private int? ready;
    private string? contradicted;
    private SwarmMember? member;
    private long wakes;

    public int Number => number;

    /// <summary>When another last got a piece from it.</summary>
    public TimeSpan Gave { get; set; }

    public string Name { get; } = $"n{number}";

    public Peer Peer { get; } = new($"n{number}", $"n{number}:1");

    public Link Up { get; } = new(cluster.Events, cluster.Scenario.NodeRate);

    public Link Down { get; } = new(cluster.Events, cluster.Scenario.NodeRate);

    public bool IsUp { get; private set; } = true;

    /// <summary>The membership thinks that it is up.</summary>
    public bool IsMember { get; private set; } = true;

    public bool IsLiar { get; set; }

    /// <summary>The download that it has now; empty for none.</summary>
    public Guid Session { get; private set; }

    /// <summary>It sent this one wrongly, or two others: what it holds may be read again.</summary>
    public bool IsNotBelieved(int version, int piece) => lies.Count > 1 || lies.Contains((version, piece));

    /// <summary>It is reading this from the origin because this activation said so.</summary>
    public bool Reads(int version, int piece, Knowledge told) =>
        IsUp && this.version == version && flows.ContainsKey((piece, null)) && origins.TryGetValue(piece, out var by) && by == told;

    public bool IsWhole(int version) => ready == version;

    /// <summary>It has the piece, and not from anybody who could vouch for it.</summary>
    public bool IsGuess(int piece) => member is not null && member.Held.Contains(piece) && !member.IsProven(piece);

    public bool IsReady => ready is not null;

    public TimeSpan? ReadyAt { get; private set; }

    public override string ToString() =>
        $"{Name} {(IsUp ? "up" : "down")} version {version} life {life} has {member?.Held.Count ?? -1} outcome {lastOutcome} under way [{string.Join(' ', flows.Keys.Select(flow => $"{flow.Piece}<{flow.Source ?? "origin"}"))}]";

    private MemberOutcome lastOutcome;

    public bool HasProven(int version, int piece) => disk.TryGetValue(version, out var pieces) && pieces.ContainsKey(piece) && (this.version != version || member is null || member.IsProven(piece));

    private readonly List<(int Version, int Piece)> lies = [];
    private readonly Dictionary<int, Knowledge?> origins = [];
    private readonly Dictionary<int, int> partial = [];
    private readonly Queue<(SwarmMember By, int Version, int First, int End)> requests = [];
    private Knowledge? answering;
    private int running;
    private long starts;
    private long asked;
    private readonly bool isReader = new Random(unchecked((cluster.Scenario.Seed * 8191) + number)).NextDouble() < cluster.Scenario.Readers;
    private List<int> wanted = [];

    public void Begin()
    {
        if (!IsUp)
            return;
        if (ready is not null)
            Announce();
        else
            AskManifest();
    }

    public void Crash()
    {
        if (!IsUp)
            return;
        cluster.Crashes++;
        cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} {Name} crashes");
        IsUp = false;
        life++;
        if (member is not null && version is { } own)
            foreach (var piece in disk[own].Keys.Where(piece => !member.IsProven(piece)).ToList())
                disk[own].Remove(piece);
        StopMember();
        seen = Epoch.None;
        listed = null;
        var crashed = life;
        cluster.Events.After(TimeSpan.FromMilliseconds(cluster.Random.Next(1500, 12000)), () =>
        {
            if (IsUp || life != crashed)
                return;
            IsMember = false;
            cluster.Directory.MembershipChanged();
        });
        cluster.Events.After(TimeSpan.FromMilliseconds(cluster.Random.Next(200, 15000)), () =>
        {
            IsUp = true;
            IsMember = true;
            cluster.Directory.MembershipChanged();
            Begin();
        });
        foreach (var other in cluster.Nodes)
            other.PeerLost(this);
    }

    public NodeHolding Describe() => new()
    {
        From = Peer,
        Seen = Max(seen, member?.Seen ?? Epoch.None),
        Listing = listed is { } known ? Origin.Listing(known) : null,
        ListingAge = cluster.Now - listedAt,
        Replica = ready is { } whole ? Replica(whole) : null,
        Downloads = member is null ? [] : [member.Describe()],
    };

    private Epoch Seen => Max(seen, member?.Seen ?? Epoch.None);

    private static Epoch Max(Epoch one, Epoch other) => one > other ? one : other;

    private void Later(TimeSpan delay, Action action)
    {
        var mine = life;
        cluster.Events.After(delay, () =>
        {
            if (IsUp && life == mine)
                action();
        });
    }

    private void AskManifest(string? failed = null)
    {
        var mine = life;
        var request = new ManifestRequest { From = Peer, Number = ++asked, Seen = Seen, Listed = listed is { } known ? Origin.Listing(known) : null, Contradicted = contradicted, Failed = failed };
        cluster.Call(this, coordinator => coordinator.Manifest(request, cluster.Now), reply =>
        {
            if (!IsUp || life != mine || member is not null || ready is not null)
                return;
            if (reply is null || reply.Epoch < Seen)
            {
                Later(TimeSpan.FromMilliseconds(50), () => AskManifest());
                return;
            }

            seen = Max(seen, reply.Epoch);
            Follow(reply);
        });
    }

    private void Follow(ManifestReply reply)
    {
        switch (reply.Decision)
        {
            case ManifestDecision.ListOrigin:
                Later(TimeSpan.FromMilliseconds(20), () =>
                {
                    if (!cluster.FaultsAreOver && cluster.Random.NextDouble() < cluster.Scenario.Faults.OriginErrors)
                    {
                        AskManifest("the origin said 503");
                        return;
                    }

                    listed = cluster.Origin.Version;
                    listedAt = cluster.Now;
                    AskManifest();
                });
                break;
            case ManifestDecision.TakeListing or ManifestDecision.TakeReplica:
                var found = Origin.VersionOf(reply.Digest!);
                var asked = cluster.Now;
                if (listed != found && reply.Holders.Count == 0)
                {
                    Later(TimeSpan.FromMilliseconds(50), () => AskManifest());
                    break;
                }

                var holder = reply.Holders.Count > 0 ? cluster.ByName(reply.Holders[cluster.Random.Next(reply.Holders.Count)].Node) : this;
                Later(TimeSpan.FromMilliseconds(3), () =>
                {
                    if (listed != found && !(holder.IsUp && cluster.Cuts.CanTalk(number, holder.Number) && (holder.listed == found || holder.ready == found)))
                    {
                        Later(TimeSpan.FromMilliseconds(100), () => AskManifest());
                        return;
                    }

                    if (listed != found)
                        listedAt = asked - reply.Age;
                    listed = found;
                    Download(found, reply.Decision == ManifestDecision.TakeReplica);
                });
                break;
            default:
                Later(reply.Pause, () => AskManifest());
                break;
        }
    }

    private void Download(int which, bool isExpected)
    {
        if (member is not null || ready is not null)
            return;
        version = which;
        if (!disk.TryGetValue(which, out var pieces))
            disk.Add(which, pieces = []);
        var size = cluster.Scenario.Pieces;
        var held = new PieceSet(size);
        foreach (var piece in pieces.Keys)
            held.Add(piece);
        uint[] sums = [.. pieces.OrderBy(piece => piece.Key).Select(piece => piece.Value)];
        uint[] expected = isExpected ? [.. Enumerable.Range(0, size).Select(piece => Origin.Content(which, piece))] : [];
        Session = cluster.NextGuid();
        member = new SwarmMember(Peer, Session, Origin.Listing(which), $"plan-{which}", held, sums, Partial(held), expected, cluster.Scenario.MemberOptions, cluster.Random.Next(), ++starts, onlyWanted: isReader);
        wanted = [];
        Step();
    }

    /// <summary>A few pieces somewhere, and when they are here the next ones.</summary>
    private void ReadOn(SwarmMember mine)
    {
        if (wanted.TrueForAll(mine.IsProven) && !mine.Held.IsFull)
        {
            var missing = Enumerable.Range(0, mine.Held.Size).Where(piece => !mine.Held.Contains(piece)).ToList();
            var first = cluster.Random.Next(missing.Count);
            wanted = [.. missing.Skip(first).Take(cluster.Random.Next(1, 9))];
            cluster.WantedPieces += wanted.Count;
        }

        mine.Want(wanted);
    }

    /// <summary>What an older version left here.</summary>
    private List<PartialPiece> Partial(PieceSet held)
    {
        var random = new Random(unchecked((cluster.Scenario.Seed * 31) + number));
        for (var piece = 0; piece < held.Size && partial.Count < held.Size * cluster.Scenario.Partial; piece++)
            if (random.NextDouble() < cluster.Scenario.Partial)
                partial[piece] = random.Next(1, cluster.Scenario.PieceBytes);
        return [.. partial.Where(part => !held.Contains(part.Key)).Select(part => new PartialPiece(part.Key, part.Value))];
    }

    private void StopMember()
    {
        if (member is not null)
            seen = Max(seen, member.Seen);
        member = null;
        Session = Guid.Empty;
        foreach (var flow in flows.Values)
            flow?.Cancel();
        flows.Clear();
        requests.Clear();
        running = 0;
    }

    private void Step()
    {
        if (member is null || !IsUp)
            return;
        var mine = member;
        if (isReader)
            ReadOn(mine);
        var step = mine.Step(cluster.Now);
        lastOutcome = step.Outcome;
        foreach (var piece in step.Discard)
            disk[version!.Value].Remove(piece);
        foreach (var cancel in step.Cancel)
            if (flows.Remove((cancel.Piece, cancel.Source), out var flow) && flow is not null)
            {
                flow.Cancel();
                flow.Next?.Invoke();
            }

        foreach (var run in step.Start)
            Start(run);
        foreach (var neighbour in step.AskHeld)
            AskHeld(mine, neighbour);
        if (step.Report is { } report)
            Report(mine, report);
        if (step.Outcome == MemberOutcome.Done && ready is null)
            BecomeReady();
        if (step.Outcome is MemberOutcome.Superseded or MemberOutcome.Hopeless)
        {
            StopMember();
            if (listed == version && step.Outcome == MemberOutcome.Superseded)
                listed = null;
            Later(TimeSpan.FromMilliseconds(500), Begin);
            return;
        }

        if (step.Pause == Timeout.InfiniteTimeSpan)
            return;
        var wake = ++wakes;
        Later(step.Pause < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : step.Pause, () =>
        {
            if (wake == wakes && member == mine)
                Step();
        });
    }

    private void Report(SwarmMember mine, MemberReport report)
    {
        var which = version!.Value;
        Knowledge? by = null;
        cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} {Name} reports {report.Sequence} after {report.Answered} seen {report.Seen.Counter}: {Text(report)}");
        cluster.Call(this, coordinator => coordinator.Report(report, cluster.Now), reply =>
        {
            if (member != mine || !IsUp)
                return;
            cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} {Name} is told: {(reply is null ? "nothing" : Text(reply))}");
            if (reply is null)
                mine.Unavailable(cluster.Now);
            else
                mine.Replied(reply, cluster.Now);
            // What it begins without an answer nobody told it to.
            answering = reply is null ? null : by;
            Step();
            answering = null;
        },
        (activation, reply) =>
        {
            by = activation.Knowledge;
            by.Heard(this, which, report, reply);
        });
    }

    private static string Text(MemberReport report) =>
        $"held {(report.Held is { } held ? string.Join(' ', Enumerable.Range(0, held.Size).Where(held.Contains)) : "-")}, count {report.HeldCount}, completed {string.Join(' ', report.Completed.Select(piece => $"{piece.Piece}<{piece.Source ?? "origin"}"))}, unproven {string.Join(' ', report.Unproven.Select(piece => piece.Piece))}, failed {string.Join(' ', report.Failed.Select(piece => $"{piece.Piece}<{piece.Source ?? "origin"} {piece.Failure}"))}, claims {string.Join(' ', report.Claims)}, leaves {report.Leaves}";

    private static string Text(MemberReply reply) =>
        $"epoch {reply.Epoch.Membership}.{reply.Epoch.Counter}, {reply.Sequence}, resync {reply.Resync}, get {string.Join(' ', reply.Assignments.Select(run => $"{run.First}+{run.Count}<{run.Source?.Node ?? "origin"}"))}, dropped {string.Join(' ', reply.Dropped)}, proven {string.Join(' ', reply.Proven)}, refuted {string.Join(' ', reply.Refuted)}";

    private void BecomeReady()
    {
        var which = version!.Value;
        ready = which;
        ReadyAt ??= cluster.Now;
        for (var piece = 0; piece < cluster.Scenario.Pieces; piece++)
            if (!disk[which].TryGetValue(piece, out var content) || content != Origin.Content(which, piece))
                cluster.Violate($"{Name} is ready, and its piece {piece} is not that of version {which}");
        Later(TimeSpan.FromMilliseconds(50), Announce);
    }

    private ReplicaReport Replica(int which) => new() { From = Peer, Seen = Seen, CacheKey = "sim", Digest = Origin.Listing(which), Bytes = 1 };

    private void Announce()
    {
        var report = Replica(ready!.Value);
        var mine = life;
        cluster.Call(this, coordinator => coordinator.Replica(report, cluster.Now), reply =>
        {
            if (!IsUp || life != mine)
                return;
            if (reply is null || reply.Epoch < Seen)
                Later(TimeSpan.FromMilliseconds(200), Announce);
        },
        (activation, _) => activation.Knowledge.Heard(report));
    }
}
