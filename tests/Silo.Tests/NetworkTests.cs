using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>Nodes in network namespaces whose links are cut or bad.</summary>
[Collection(Machine.Name)]
public sealed class NetworkTests
{
    private const string NoNamespaces = "Network namespaces are made as root, with ip and iptables: this process may not, or they are not there.";

    public static bool CanBeMade => NetworkNamespaces.CanBeMade;

    [FaultTheory(12, Skip = NoNamespaces, SkipUnless = nameof(CanBeMade))]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_is_cut_off_serves_what_it_has_and_is_a_node_again_when_the_network_is_back(bool bothWays)
    {
        await using var cluster = await TestCluster.StartAsync(3, ownNetwork: true);
        var (cut, other, third) = (cluster.Nodes[2], cluster.Nodes[0], cluster.Nodes[1]);
        var fault = cluster.Case(12);
        foreach (var node in cluster.Nodes)
            node.Supervise();
        var leases = await Task.WhenAll(cluster.Nodes.Select(async node => (node, (await node.AcquireAsync()).Lease)));

        if (bothWays)
            await cluster.Network!.UnplugAsync(cut.Number);
        else
            await Task.WhenAll(cluster.Network!.CutAsync(cut.Number, other.Number), cluster.Network.CutAsync(cut.Number, third.Number));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        foreach (var job in await Task.WhenAll(cluster.Nodes.Select(node => node.AcquireAsync())))
            Assert.Equal("hit", job.Outcome);
        // Before anybody could be voted out.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(4), $"{watch.Elapsed}");
        // The two that see each other go on with something new.
        await TestCluster.CheckAsync((await other.AcquireAsync("d2")).Path, "d2");
        Assert.Equal(0, cluster.Origin.Served.Repeated);
        TestContext.Current.SendDiagnosticMessage($"new data after {watch.Elapsed}");
        await cluster.VotedOutAsync(cut);
        var dropped = bothWays ? 1 : await cluster.Network.DroppedAsync(cut.Number);
        fault.Fired(dropped);
        TestContext.Current.SendDiagnosticMessage($"mended after {watch.Elapsed}");
        await cluster.Network.PlugAsync(cut.Number);
        await cluster.Network.MendAsync(cut.Number);

        // It has ended itself, or does so when it reads that it was voted out. Started again, it is there, it has its lease, and gets from its neighbours what they have.
        var before = cluster.Origin.Served.Total;
        var back = await fault.HealsAsync(async () =>
        {
            await cluster.AllSeeEachOtherAsync();
            return await cut.ReturnAsync("d2");
        });
        TestContext.Current.SendDiagnosticMessage($"all there after {watch.Elapsed}");
        await TestCluster.CheckAsync(back.Path, "d2");
        fault.ReadOnce(cluster.Origin.Served.Total - before);
        foreach (var (node, lease) in leases)
            fault.Kept(await node.RenewAsync(lease), $"{node.Name}'s lease");
        Assert.True(cut.Returns > 0, cut.Silo.Said);
        // One way, whose vote comes first is open.
        foreach (var node in bothWays ? (TestNode[])[other, third] : [])
            Assert.Equal(0, node.Returns);
        await cluster.EndAsync(fault);
    }

    [Fault(14, Skip = NoNamespaces, SkipUnless = nameof(CanBeMade))]
    public async Task On_a_bad_line_a_dataset_arrives_in_the_end_and_the_origin_is_not_stormed()
    {
        await using var cluster = await TestCluster.StartAsync(3, ownNetwork: true);
        foreach (var node in cluster.Nodes)
            node.Supervise();
        var fault = cluster.Case(14);
        await cluster.Network!.SpoilAsync(3, loss: 0.2, rate: "1mbit");

        var watch = System.Diagnostics.Stopwatch.StartNew();
        // Every byte crosses the bad line: first from the origin, with pauses of seconds in it, then to the others.
        var first = await cluster.Nodes[2].ReturnAsync(TestCluster.SmallDataset);
        var asked = cluster.Origin.Requests.Count;
        // A request a file and the listing; what pauses is waited for and not asked for again.
        Assert.True(asked <= 2 * 7, string.Join('\n', cluster.Origin.Requests));
        var jobs = await Task.WhenAll(cluster.Nodes.Select(node => node.ReturnAsync(TestCluster.SmallDataset)));

        TestContext.Current.SendDiagnosticMessage($"{watch.Elapsed}, {cluster.Origin.Served.Total} bytes, {asked} and {cluster.Origin.Requests.Count} requests, returns {string.Join(' ', cluster.Nodes.Select(node => node.Returns))}");
        foreach (var job in jobs.Append(first))
            await TestCluster.CheckAsync(job.Path, TestCluster.SmallDataset);
        fault.Fired(await cluster.Network.DroppedAsync(3));
        // A node that the others gave up for dead reads for itself.
        fault.ReadOnce(cluster.Origin.Served.Repeated, 2 * TestCluster.SmallBytes);
        fault.Worst(cluster.Origin.Requests.Count, "requests to the origin");
        fault.Worst(watch.Elapsed.TotalSeconds, "s until all had it");
        // What it has by now no line takes from it.
        await fault.HealsAsync(() => Task.WhenAll(cluster.Nodes.Select(node => node.ReturnAsync(TestCluster.SmallDataset))));
        Assert.True(cluster.Origin.Served.Total <= 3 * TestCluster.SmallBytes, cluster.Origin.Served.ToString());
        Assert.True(cluster.Origin.Requests.Count < 60, string.Join('\n', cluster.Origin.Requests));
        await cluster.EndAsync(fault);
    }
}
