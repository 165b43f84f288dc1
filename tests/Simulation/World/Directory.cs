using DatasetCache.Coordination;

namespace DatasetCache.Simulation.World;

/// <summary>Where the coordinator runs: on one of the nodes, on none for a while, or on two at once.</summary>
internal sealed class Directory(SimulatedCluster cluster)
{
    private readonly List<Activation> activations = [];
    private readonly CoordinatorOptions options = cluster.Scenario.Options;
    private long membership = 1;
    private Epoch highest;

    public int Losses { get; private set; }

    public int Doubles { get; private set; }

    public int Deposed { get; private set; }

    /// <summary>What deciding took on this machine.</summary>
    public TimeSpan Decided { get; private set; }

    public long Decisions { get; private set; }

    /// <summary>Null where nobody runs it just now.</summary>
    public Activation? For(SimulatedNode caller)
    {
        var live = activations.Where(activation => !activation.IsOver).ToList();
        if (live.Count == 0)
            return null;
        // Where there are two, each node mostly finds the same one; now and then the other.
        var found = live.Count > 1 && cluster.Random.Next(10) == 0 ? cluster.Random.Next(live.Count) : caller.Number % live.Count;
        return live[found];
    }

    public T Decide<T>(Activation activation, Func<DatasetCoordinator, T> ask)
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var answer = ask(activation.Coordinator);
        Decided += System.Diagnostics.Stopwatch.GetElapsedTime(began);
        Decisions++;
        if (activation.Coordinator.HighestSeen > highest)
            highest = activation.Coordinator.HighestSeen;
        if (activation.Coordinator.IsDeposed && !activation.IsOver)
        {
            Deposed++;
            activation.IsOver = true;
            if (activations.TrueForAll(other => other.IsOver))
                cluster.Events.After(TimeSpan.FromMilliseconds(100), ActivateWhereNone);
        }

        return answer;
    }

    public Activation Activate()
    {
        // It does not know how far the last one counted, but for what nodes told one that had to end.
        var epoch = new Epoch(membership, highest.Membership == membership ? highest.Counter + 1 : 1, cluster.NextGuid());
        var activation = new Activation(new DatasetCoordinator("sim", epoch, options, cluster.Random.Next()), cluster.Random.Next(cluster.Nodes.Count), new Knowledge(cluster, cluster.Now));
        cluster.Trace?.Invoke($"{cluster.Now.TotalSeconds:0.000} activation {epoch.Membership}.{epoch.Counter}");
        activations.RemoveAll(old => old.IsOver);
        activations.Add(activation);
        activation.Coordinator.NodesAre(cluster.LiveNames(), cluster.Now);
        activation.Knowledge.Begin();
        Tick(activation);
        return activation;
    }

    private void ActivateWhereNone()
    {
        if (activations.TrueForAll(activation => activation.IsOver))
            Activate();
    }

    /// <summary>The host is gone, or only the activation.</summary>
    public void Lose(bool withHost)
    {
        var lost = activations.Find(activation => !activation.IsOver);
        if (lost is null)
            return;
        Losses++;
        lost.IsOver = true;
        if (withHost)
        {
            cluster.Nodes[lost.Host].Crash();
            membership++;
        }

        if (activations.TrueForAll(activation => activation.IsOver))
            cluster.Events.After(withHost ? TimeSpan.FromMilliseconds(cluster.Random.Next(500, 9000)) : TimeSpan.FromMilliseconds(20), ActivateWhereNone);
    }

    public void Double()
    {
        Doubles++;
        if (cluster.Random.Next(2) == 0)
            membership++;
        else if (activations.Find(activation => !activation.IsOver) is { } first && first.Coordinator.Epoch > highest)
            highest = first.Coordinator.Epoch;
        Activate();
        // The cluster agrees again after a while; the one that has not heard of the other ends then.
        cluster.Events.After(TimeSpan.FromSeconds(3), () =>
        {
            var live = activations.Where(activation => !activation.IsOver).OrderByDescending(activation => activation.Coordinator.Epoch).ToList();
            foreach (var old in live.Skip(1))
                old.IsOver = true;
        });
    }

    public void MembershipChanged()
    {
        membership++;
        foreach (var activation in activations)
            if (!activation.IsOver)
            {
                activation.Coordinator.NodesAre(cluster.LiveNames(), cluster.Now);
                foreach (var node in cluster.Nodes.Where(node => !node.IsMember))
                    activation.Knowledge.Forget(node.Name);
            }
    }

    public Activation? Newest => activations.FindLast(activation => !activation.IsOver);

    private void Tick(Activation activation)
    {
        if (activation.IsOver)
            return;
        foreach (var name in activation.Coordinator.Tick(cluster.Now))
            Ask(activation, cluster.ByName(name));
        cluster.Events.After(TimeSpan.FromSeconds(1), () => Tick(activation));
    }

    private void Ask(Activation activation, SimulatedNode node)
    {
        var answered = false;
        void Learn(NodeHolding? holding)
        {
            if (answered || activation.IsOver)
                return;
            answered = true;
            if (holding is null && activation.Knowledge.IsSilent(node.Name))
                activation.Knowledge.Forget(node.Name);
            else
                activation.Knowledge.Answered(node.Name, holding);
            Decide(activation, coordinator =>
            {
                coordinator.Learn(node.Name, holding, cluster.Now);
                return 0;
            });
        }

        cluster.Send(activation.Host, node.Number, () =>
        {
            if (!node.IsUp)
                return;
            var holding = node.Describe();
            cluster.Send(node.Number, activation.Host, () => Learn(holding));
        });
        cluster.Events.After(TimeSpan.FromSeconds(4), () => Learn(null));
    }
}

internal sealed class Activation(DatasetCoordinator coordinator, int host, Knowledge knowledge)
{
    public Knowledge Knowledge => knowledge;

    public DatasetCoordinator Coordinator => coordinator;

    public int Host => host;

    public bool IsOver { get; set; }
}
