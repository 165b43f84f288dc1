using DatasetCache.Simulation.World;

namespace DatasetCache.Simulation;

/// <summary>Thousands of small clusters in which everything goes wrong. DSCACHE_SIM_SEEDS: how many; DSCACHE_SIM_SEED: only this one, again.</summary>
public sealed class FaultTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Healing = TimeSpan.FromSeconds(60);

    [Fact]
    public void Every_cluster_heals_and_nobody_gets_a_wrong_byte()
    {
        var only = Number("DSCACHE_SIM_SEED");
        var seeds = only is { } one ? Enumerable.Range(one, 1) : Enumerable.Range(1, Number("DSCACHE_SIM_SEEDS") ?? 3000);
        var (crashes, losses, doubles, deposed, lost, repeated, lies, errors, alone, cuts, wanted) = (0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L);
        var failures = new List<string>();
        var happened = 0L;
        foreach (var seed in seeds)
        {
            var cluster = new SimulatedCluster(Faults.Draw(seed)) { Trace = only is null ? null : output.WriteLine };
            cluster.Run(Healing);
            failures.AddRange(cluster.Violations.Take(1));
            if (only is not null)
                output.WriteLine(System.Text.Json.JsonSerializer.Serialize(cluster.Directory.Newest?.Coordinator.State(cluster.Now)) + "\n" + cluster.Scenario);
            crashes += cluster.Crashes;
            losses += cluster.Directory.Losses;
            doubles += cluster.Directory.Doubles;
            deposed += cluster.Directory.Deposed;
            lost += cluster.Lost;
            repeated += cluster.Repeated;
            lies += cluster.Lies;
            errors += cluster.Origin.Errors;
            alone += cluster.AloneFetches;
            cuts += cluster.Cuts.Count;
            wanted += cluster.WantedPieces;
            happened += cluster.Events.Happened;
        }

        output.WriteLine(
            $"{happened} events; {crashes} crashes, {losses} coordinators lost, {doubles} doubled, {deposed} deposed, {lost} messages lost, {repeated} repeated, {lies} lies, {errors} origin errors, {alone} runs fetched alone, {cuts} cuts, {wanted} pieces read one by one");
        Assert.True(failures.Count == 0, $"{failures.Count} of the seeds fail (DSCACHE_SIM_SEED=n shows one again):\n{string.Join('\n', failures.Take(only is null ? 12 : 50))}");
        if (only is not null)
            return;
        // The faults must have been there for this to say anything.
        Assert.All([crashes, losses, doubles, deposed, lost, repeated, lies, errors, alone, cuts, wanted], count => Assert.NotEqual(0, count));
    }

    /// <summary>Hundreds of small clusters in which nothing goes wrong but that for three seconds half of the nodes ask one coordinator and half another. What the two may give out meanwhile: <see cref="Knowledge"/>.</summary>
    [Fault(13)]
    public void While_two_coordinate_nobody_reads_what_one_of_them_knows_to_be_held_and_one_gives_up()
    {
        var fault = new FaultCase(13);
        var deposed = 0;
        for (var seed = 1; seed <= 400; seed++)
        {
            var drawn = Faults.Draw(seed);
            var cluster = new SimulatedCluster(drawn with { Nodes = Math.Max(2, drawn.Nodes), Faults = new Faults { End = TimeSpan.FromSeconds(4), DoubleActivations = 1 } });
            cluster.Run(Healing);
            var repeated = cluster.Origin.Reads.Values.Sum(times => times - 1L) * cluster.Scenario.PieceBytes;
            fault.Whole(cluster.Violations.Count == 0, string.Join('\n', cluster.Violations));
            // Each of the two may have it read once, where the other has not told it (no violation): never a third time.
            Assert.All(cluster.Origin.Reads, read => Assert.InRange(read.Value, 1, 2));
            fault.ReadOnce(repeated, allowed: (long)cluster.Scenario.Pieces * cluster.Scenario.PieceBytes);
            fault.Healed(cluster.Nodes.Max(node => node.ReadyAt!.Value) - cluster.Scenario.Faults.End);
            fault.Fired(cluster.Directory.Doubles);
            deposed += cluster.Directory.Deposed;
        }

        Assert.NotEqual(0, deposed);
        fault.End();
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;
}
