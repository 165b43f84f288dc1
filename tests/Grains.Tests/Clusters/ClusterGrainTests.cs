using Xunit;

namespace DatasetCache.Grains.Tests.Clusters;

public sealed class ClusterGrainTests
{
    [Fact]
    public async Task The_host_that_has_most_of_the_datasets_comes_first()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        cluster.Nodes["Silo_1"].Bytes = 500;
        cluster.Nodes["Silo_2"].Bytes = 20;

        var hosts = await cluster.Client.GetGrain<IClusterGrain>(0).RecommendHostsAsync(
            [new DatasetMessage { SnapshotId = "a" }, new DatasetMessage { SnapshotId = "b" }], TestContext.Current.CancellationToken);

        Assert.Equal([("Silo_1", 1000L), ("Silo_2", 40L), ("Silo_0", 0L)], hosts.Select(host => (host.Host, host.Bytes)));
        Assert.Equal([500L, 500L], hosts[0].PerDataset);
    }

    [Fact]
    public async Task Nodes_come_page_by_page_in_the_order_of_their_ids()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        var grain = cluster.Client.GetGrain<IClusterGrain>(0);

        var first = await grain.NodesAsync(after: null, 2, TestContext.Current.CancellationToken);
        var rest = await grain.NodesAsync(first[^1].Id, 2, TestContext.Current.CancellationToken);

        Assert.Equal(["Silo_0", "Silo_1", "Silo_2"], first.Concat(rest).Select(node => node.Id));
        Assert.All(first.Concat(rest), node => Assert.Equal("/" + node.Id, node.Node!.CacheRoot));
    }
}
