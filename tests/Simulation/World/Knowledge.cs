using DatasetCache.Coordination;

namespace DatasetCache.Simulation.World;

/// <summary>
/// What one activation of the coordinator has been told, kept apart from the coordinator itself, and with it what it may give out: I2 of docs on integrity, "no range that any surviving
/// node holds verified is read from the origin again". Each piece that is given out to be read from the origin must at that moment
/// (a) not be held, proven, by any node that is up and has told this activation so in the session that it has now, and
/// (b) not be under way from the origin to a node that is up, was told to read it by this activation, and has reported within the time after which claims lapse.
/// What is allowed, and why:
/// 1. A holder that was silent for 10 s and did not answer when asked (<see cref="Forget"/>): whether it is dead nobody can know.
/// 2. A holder that the membership has voted out, until it speaks again.
/// 3. What a holder has not said yet to this activation: a lost or late report, or one that went to the other one of two activations. It was read by a claim of its own: in flight.
///    Where no message can be lost, a new activation is held to know all that was held when it began, and may give out nothing before everybody has answered or two seconds have passed.
/// 4. A piece that the holder itself has sent wrongly, and all that it holds after it sent two wrong ones: what it has is as good as lost.
/// 5. A holder that nobody who lacks the piece, as far as this activation heard of them all the time, could reach for 10 s and more, until 45 s after that: waiting longer would make its host a
/// single point of failure.
/// 6. A holder that has given up its download: it does not serve what it had.
/// 7. Pieces of a node that took them without a coordinator, where only a replica's node could vouch for them: no checksum of them is known.
/// </summary>
internal sealed class Knowledge(SimulatedCluster cluster, TimeSpan began)
{
    private readonly Dictionary<string, (Guid Session, HashSet<(int Version, int Piece)> Pieces)> told = [];
    private readonly Dictionary<string, int> replicas = [];
    // A report that comes again gets its reply again, however many came between.
    private readonly HashSet<MemberReply> judged = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, TimeSpan> heard = [];
    // Since when, without ten seconds of silence.
    private readonly Dictionary<string, TimeSpan> back = [];
    private readonly HashSet<string> unanswered = [];

    /// <summary>All that the live nodes have now: they are asked for it.</summary>
    public void Begin()
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsMember))
            unanswered.Add(node.Name);
        if (cluster.LosesMessages)
            return;
        foreach (var node in cluster.Nodes.Where(node => node.IsUp))
            Learn(node.Describe());
        heard.Clear();
    }

    public void Answered(string node, NodeHolding? holding)
    {
        unanswered.Remove(node);
        if (holding is not null)
            Learn(holding);
    }

    /// <summary>It was silent for so long that it is held to be dead.</summary>
    public void Forget(string node)
    {
        told.Remove(node);
        replicas.Remove(node);
        unanswered.Remove(node);
    }

    public bool IsSilent(string node) => !heard.TryGetValue(node, out var last) || cluster.Now - last >= cluster.Scenario.Options.ClaimLapse;

    public void Heard(ReplicaReport report)
    {
        if (report.Withdrawn)
        {
            replicas.Remove(report.From.Node);
            told.Remove(report.From.Node);
        }
        else
            replicas[report.From.Node] = Origin.VersionOf(report.Digest);
    }

    public void Heard(SimulatedNode reader, int version, MemberReport report, MemberReply reply)
    {
        Judge(reader, version, reply);
        if (reply.Resync)
            return;
        Hear(reader.Name);
        Take(report, version);
        if (report is { Leaves: true, StaysAsSource: false })
            told.Remove(reader.Name);
    }

    private void Learn(NodeHolding holding)
    {
        if (holding.Replica is { } replica)
            Heard(replica);
        foreach (var download in holding.Downloads)
            if (!told.TryGetValue(holding.From.Node, out var known) || known.Session != download.Session)
                Take(download, int.Parse(download.Plan["plan-".Length..], System.Globalization.CultureInfo.InvariantCulture));
        Hear(holding.From.Node);
    }

    private void Hear(string node)
    {
        if (IsSilent(node))
            back[node] = cluster.Now;
        heard[node] = cluster.Now;
    }

    private void Take(MemberReport report, int version)
    {
        var name = report.From.Node;
        // Late words of an older session are worth nothing.
        if (cluster.ByName(name).Session != report.Session)
            return;
        if (!told.TryGetValue(name, out var known) || known.Session != report.Session)
            told[name] = known = (report.Session, []);
        if (report.Held is { } held)
            known.Pieces.UnionWith(Enumerable.Range(0, held.Size).Where(held.Contains).Select(piece => (version, piece)));
        known.Pieces.UnionWith(report.Completed.Select(piece => (version, piece.Piece)));
    }

    private void Judge(SimulatedNode reader, int version, MemberReply reply)
    {
        if (!judged.Add(reply))
            return;
        foreach (var run in reply.Assignments.Where(run => run.Source is null))
            for (var piece = run.First; piece < run.First + run.Count; piece++)
                Judge(reader, version, piece);
    }

    private void Judge(SimulatedNode reader, int version, int piece)
    {
        if (cluster.Now - began < cluster.Scenario.Options.LearningTime && unanswered.FirstOrDefault(node => cluster.ByName(node).IsMember) is { } missing)
            cluster.Violate($"{reader.Name} is told to read piece {piece} from the origin before {missing} has said what it holds");
        foreach (var node in cluster.Nodes)
        {
            if (node == reader || !node.IsUp)
                continue;
            if (Knows(node, version, piece) && node.HasProven(version, piece) && !IsExcused(reader, node, version, piece))
                cluster.Violate($"{reader.Name} is told to read piece {piece} of version {version} from the origin, which {node.Name} holds and has said so");
            if (node.Reads(version, piece, this) && told.ContainsKey(node.Name) && !IsSilent(node.Name))
                cluster.Violate($"{reader.Name} is told to read piece {piece} of version {version} from the origin, which {node.Name} is reading");
        }
    }

    private bool Knows(SimulatedNode node, int version, int piece) =>
        (told.TryGetValue(node.Name, out var known) && known.Session == node.Session && known.Pieces.Contains((version, piece)))
        || (replicas.TryGetValue(node.Name, out var whole) && whole == version && node.IsWhole(version));

    private bool IsExcused(SimulatedNode reader, SimulatedNode node, int version, int piece) =>
        node.IsNotBelieved(version, piece) || cluster.Cuts.IsOutOfReach(node, version, piece, other => !IsSilent(other.Name) && cluster.Now - back[other.Name] >= Cuts.Echo) || (node.IsWhole(version) && reader.IsGuess(piece));
}
