using DatasetCache.Coordination;

namespace DatasetCache.Simulation.World;

/// <summary>Nodes, an origin and a coordinator in one thread, whose every move follows from a seed.</summary>
internal sealed class SimulatedCluster
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private readonly List<string> violations = [];

    public SimulatedCluster(Scenario scenario)
    {
        Scenario = scenario;
        Random = new Random(scenario.Seed);
        Origin = new Origin(Events, scenario);
        Directory = new Directory(this);
        Cuts = new Cuts(this);
        Nodes = [.. Enumerable.Range(0, scenario.Nodes).Select(number => new SimulatedNode(this, number))];
    }

    public Scenario Scenario { get; }

    public Random Random { get; }

    public EventQueue Events { get; } = new();

    public Origin Origin { get; }

    public Directory Directory { get; }

    public Cuts Cuts { get; }

    public List<SimulatedNode> Nodes { get; }

    public TimeSpan Now => Events.Now;

    public IReadOnlyList<string> Violations => violations;

    public int Lost { get; private set; }

    public int Repeated { get; private set; }

    public int Lies { get; set; }

    public int Crashes { get; set; }

    public int AloneFetches { get; set; }

    public long WantedPieces { get; set; }

    public bool FaultsAreOver => Now >= Scenario.Faults.End;

    public void Run(TimeSpan patience)
    {
        Directory.Activate();
        foreach (var node in Nodes)
            Events.After(Scenario.Arrival * Random.NextDouble(), node.Begin);
        PlanFaults();
        var end = Scenario.Faults.End + patience;
        while (violations.Count == 0 && !IsDone() && Events.Next())
            if (Now > end)
                Violate($"not finished {patience.TotalSeconds} s after the last fault: {string.Join(", ", Nodes.Where(node => !node.IsReady).Select(node => node.ToString()))}");
    }

    public SimulatedNode ByName(string name) => Nodes[int.Parse(name[1..], System.Globalization.CultureInfo.InvariantCulture)];

    public List<string> LiveNames() => [.. Nodes.Where(node => node.IsMember).Select(node => node.Name)];

    public Guid NextGuid()
    {
        var bytes = new byte[16];
        Random.NextBytes(bytes);
        return new Guid(bytes);
    }

    public void Violate(string what) => violations.Add($"seed {Scenario.Seed}, {Now.TotalSeconds:0.000} s: {what}");

    /// <summary>Where set, gets a line for whatever happens.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>What a node said may never arrive, or late.</summary>
    public bool LosesMessages => Scenario.Faults is { Loss: > 0 } or { Late: > 0 } or { Cuts: > 0 };

    /// <summary>A message from the host of one number to that of another, with what can befall it.</summary>
    public void Send(int from, int to, Action arrives)
    {
        var faults = Scenario.Faults;
        if (!Cuts.Reaches(from, to))
            return;
        if (!FaultsAreOver)
        {
            if (Random.NextDouble() < faults.Loss)
            {
                Lost++;
                return;
            }

            if (Random.NextDouble() < faults.Repeated)
            {
                Repeated++;
                Events.After(TimeSpan.FromMilliseconds(Random.Next(1, 3000)), arrives);
            }

            if (Random.NextDouble() < faults.Late)
            {
                Events.After(TimeSpan.FromMilliseconds(Random.Next(10, 7000)), arrives);
                return;
            }
        }

        Events.After(TimeSpan.FromMicroseconds(Random.Next(150, 1000)), arrives);
    }

    /// <summary>A node's call to the coordinator.</summary>
    /// <param name="done">Gets null where no answer came.</param>
    public void Call<T>(SimulatedNode caller, Func<DatasetCoordinator, T> ask, Action<T?> done, Action<Activation, T>? seen = null)
        where T : class
    {
        var isDone = false;
        void Finish(T? reply)
        {
            if (isDone)
                return;
            isDone = true;
            done(reply);
        }

        var host = Directory.For(caller)?.Host ?? caller.Number;
        Send(caller.Number, host, () =>
        {
            if (Directory.For(caller) is { } activation)
            {
                var reply = Directory.Decide(activation, ask);
                if (!activation.Coordinator.IsDeposed)
                    seen?.Invoke(activation, reply);
                Send(activation.Host, caller.Number, () => Finish(reply));
            }
            else if (Random.Next(2) == 0)
            {
                Events.After(TimeSpan.FromMilliseconds(50), () => Finish(null));
            }
        });
        Events.After(CallTimeout, () => Finish(null));
    }

    /// <summary>A read from the origin begins. Whether it may is judged when it is given out (<see cref="Knowledge"/>).</summary>
    public void Reads(SimulatedNode reader, int version, int piece)
    {
        Origin.Began(version, piece);
        var times = Origin.Reads[(version, piece)];
        if (times > 1 && Scenario.Faults.AreQuiet)
            Violate($"piece {piece} is read from the origin for the {times}th time, by {reader.Name}, though nothing went wrong");
    }

    private bool IsDone() => Nodes.TrueForAll(node => node.IsUp && node.IsReady) && (FaultsAreOver || Scenario.Faults.AreQuiet);

    private void PlanFaults()
    {
        var faults = Scenario.Faults;
        void Sometime(Action action) => Events.After(faults.End * Random.NextDouble(), action);
        foreach (var liar in Nodes.Take(faults.Liars))
            liar.IsLiar = true;
        foreach (var slow in Nodes.TakeLast(faults.Slow))
            slow.Up.Rate /= 40;
        for (var i = 0; i < faults.Crashes; i++)
            Sometime(() => Nodes[Random.Next(Nodes.Count)].Crash());
        for (var i = 0; i < faults.CoordinatorLosses; i++)
            Sometime(() => Directory.Lose(withHost: Random.Next(2) == 0));
        for (var i = 0; i < faults.DoubleActivations; i++)
            Sometime(Directory.Double);
        for (var i = 0; i < faults.Cuts; i++)
            Sometime(Cuts.Cut);
        if (faults.OriginChanges)
            Sometime(Origin.Change);
        Events.After(faults.End, () =>
        {
            foreach (var node in Nodes)
                node.IsLiar = false;
            foreach (var slow in Nodes.TakeLast(faults.Slow))
                slow.Up.Rate *= 40;
        });
    }
}
