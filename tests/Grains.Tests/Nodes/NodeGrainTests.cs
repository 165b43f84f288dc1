using DatasetCache.Grains.Tests.Clusters;
using Xunit;

namespace DatasetCache.Grains.Tests.Nodes;

public sealed class NodeGrainTests
{
    [Fact]
    public async Task Every_node_is_reached_on_its_own_silo_from_wherever_it_is_asked()
    {
        await using var cluster = await StubCluster.StartAsync(3);

        foreach (var from in cluster.Silos)
        {
            foreach (var name in cluster.Nodes.Keys)
                Assert.Equal("/" + name, (await cluster.FactoryOf(from).GetGrain<INodeGrain>(name).GetState()).CacheRoot);
        }
    }

    [Fact]
    public async Task An_unknown_node_is_an_error_with_words_for_a_client_too()
    {
        await using var cluster = await StubCluster.StartAsync(2);

        var unknown = await Assert.ThrowsAsync<UnknownNodeException>(() => cluster.Client.GetGrain<INodeGrain>("nowhere").GetState());

        Assert.Equal("nowhere", unknown.Node);
        Assert.Contains("Silo_0, Silo_1", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_engine_throws_reaches_a_client_with_its_code_and_its_advice()
    {
        await using var cluster = await StubCluster.StartAsync(1);
        var node = cluster.Client.GetGrain<INodeGrain>(cluster.Nodes.Keys.Single());

        var failed = await Assert.ThrowsAsync<NodeFailedException>(
            () => node.AcquireAsync(new AcquireMessage { Dataset = new DatasetMessage { SnapshotId = "snap_1" }, Ticket = "t1" }, TestContext.Current.CancellationToken));

        Assert.Equal(("NotFound", "No such dataset.", "Look at its name."), (failed.Failure.Code, failed.Failure.Message, failed.Failure.Advice));
    }

    [Fact]
    public async Task A_job_cannot_have_a_node_read_its_folders()
    {
        await using var cluster = await StubCluster.StartAsync(1);
        var node = cluster.Client.GetGrain<INodeGrain>(cluster.Nodes.Keys.Single());

        var failed = await Assert.ThrowsAsync<NodeFailedException>(
            () => node.AcquireAsync(new AcquireMessage { Dataset = new DatasetMessage { Origin = "/etc" }, Ticket = "t1" }, TestContext.Current.CancellationToken));

        Assert.Equal("AccessDenied", failed.Failure.Code);
    }
}
