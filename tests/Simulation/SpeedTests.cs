using DatasetCache.Simulation.World;

namespace DatasetCache.Simulation;

/// <summary>How long a fan-out takes against what the links allow, in simulated time: no machine's speed is in it.</summary>
public sealed class SpeedTests(ITestOutputHelper output)
{
    private const double Link = 12.5e6;

    [Theory]
    [InlineData(Link)]
    [InlineData(10 * Link)]
    public void A_thousand_nodes_are_done_within_15_percent_of_the_bound(double originRate)
    {
        var run = Run(new Scenario { Seed = 1, Nodes = 1000, Pieces = 400, NodeRate = Link, OriginRate = originRate });
        Assert.True(run.Slowest <= 1.15, $"{run.Slowest}");
    }

    [Theory]
    [InlineData(Link)]
    [InlineData(20 * Link)]
    public void Few_nodes_are_done_close_to_the_bound_and_more_take_no_longer(double originRate)
    {
        var runs = new[] { 2, 8, 16 }.Select(nodes => Run(new Scenario { Seed = 1, Nodes = nodes, Pieces = 256, NodeRate = Link, OriginRate = originRate })).ToList();
        foreach (var (median, slowest) in runs)
        {
            Assert.True(median <= 1.08, $"p50 {median}");
            Assert.True(slowest <= 1.08, $"slowest {slowest}");
        }

        Assert.True(runs[2].Slowest / runs[0].Slowest <= 1.15, $"{runs[2].Slowest / runs[0].Slowest}");
    }

    [Theory]
    [InlineData(2, 1.15)]
    [InlineData(4, 1.24)]
    [InlineData(8, 1.34)]
    [InlineData(16, 1.43)]
    public void Few_pieces_over_narrow_links_are_passed_on_early(int nodes, double most)
    {
        var slowest = Enumerable.Range(1, 6).Average(seed => Run(new Scenario { Seed = seed, Nodes = nodes, Pieces = 32, NodeRate = Link / 4, OriginRate = Link / 4 }).Slowest);
        Assert.True(slowest <= most, $"{slowest}");
    }

    [Theory]
    [InlineData(10, 5, 1.75)]
    [InlineData(10, 30, 1.8)]
    [InlineData(1, 5, 1.06)]
    [InlineData(1, 30, 1.08)]
    public void Gigabits_are_filled_by_slow_connections(int gigabits, int latency, double most)
    {
        var runs = new[] { 1, 2, 4, 16 }.SelectMany(nodes => new[] { 1, 2, 3 }.Select(seed => Run(new Scenario
        {
            Seed = seed,
            Nodes = nodes,
            Pieces = 1536,
            NodeRate = gigabits * 10 * Link,
            OriginRate = gigabits * 10 * Link,
            OriginLatency = TimeSpan.FromMilliseconds(latency),
            ConnectionRate = 50e6,
            PiecesPerRequest = 8,
            RequestsPerNode = 32,
        }))).ToList();
        Assert.All(runs, run => Assert.True(run.Slowest <= most, $"{run.Slowest}"));
    }

    [Fact]
    public void Slow_connections_of_a_far_origin_are_added_up()
    {
        var run = Run(new Scenario { Seed = 1, Nodes = 4, Pieces = 512, NodeRate = Link, OriginRate = 20 * Link, ConnectionRate = 1e6, OriginLatency = TimeSpan.FromMilliseconds(150) });
        Assert.True(run.Slowest <= 1.5, $"{run.Slowest}");
    }

    [Fact]
    public void A_lone_node_gets_what_a_far_origin_can_give()
    {
        var run = Run(new Scenario { Seed = 1, Nodes = 1, Pieces = 1024, NodeRate = 40 * Link, OriginRate = 40 * Link, OriginLatency = TimeSpan.FromMilliseconds(50) });
        Assert.True(run.Slowest <= 1.4, $"{run.Slowest}");
    }

    [Fact]
    public void A_lone_node_fills_a_fat_link_though_each_connection_is_slow()
    {
        var run = Run(new Scenario
        {
            Seed = 1,
            Nodes = 1,
            Pieces = 16 * 1024,
            NodeRate = 1.25e9,
            OriginRate = 1.25e9,
            OriginLatency = TimeSpan.FromMilliseconds(50),
            ConnectionRate = 50e6,
            PiecesPerRequest = 8,
            RequestsPerNode = 32,
            MemberOptions = new() { Slots = Set("DSCACHE_SIM_SLOTS") ?? new DatasetCache.Coordination.MemberOptions().Slots },
        });
        Assert.True(run.Slowest <= 1.25, $"{run.Slowest}");
    }

    private static int? Set(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    private (double Median, double Slowest) Run(Scenario scenario)
    {
        var cluster = new SimulatedCluster(scenario);
        cluster.Run(TimeSpan.FromMinutes(10));
        Assert.Empty(cluster.Violations);
        Assert.Equal(scenario.Pieces, cluster.Origin.Reads.Count);
        Assert.All(cluster.Origin.Reads.Values, times => Assert.Equal(1, times));
        var bound = (double)scenario.Pieces * scenario.PieceBytes / Math.Min(scenario.NodeRate, scenario.OriginRate);
        var times = cluster.Nodes.Select(node => node.ReadyAt!.Value.TotalSeconds / bound).Order().ToList();
        output.WriteLine(
            $"{scenario.Nodes} nodes × {scenario.Pieces} pieces, origin {scenario.OriginRate / scenario.NodeRate:0.#} × a node's link: p50 {times[times.Count / 2]:0.000}, slowest {times[^1]:0.000} × the bound of {bound:0.0} s, last origin read {cluster.Origin.LastRead.TotalSeconds / bound:0.000}, p90 {times[times.Count * 9 / 10]:0.000}, p99 {times[times.Count * 99 / 100]:0.000}; "
            + $"{cluster.Directory.Decisions} decisions, {cluster.Directory.Decided.TotalMicroseconds / cluster.Directory.Decisions:0.0} µs each; {cluster.Events.Happened} events; window {cluster.Directory.Newest?.Coordinator.State(cluster.Now).Plans[0].OriginWindow}");
        return (times[times.Count / 2], times[^1]);
    }
}
