using System.Diagnostics;
using DatasetCache.Client;
using DatasetCache.Datasets;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>Nodes that stop or are killed, and what they find when they are back.</summary>
[Collection(Machine.Name)]
public sealed class ReturnTests
{
    private const int Terminate = 15;

    [Fact]
    public async Task A_node_that_stops_gives_back_what_it_was_about_to_read_and_the_others_go_on_at_once()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var (stops, stays) = (cluster.Nodes[0], cluster.Nodes[1]);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reached = cluster.Origin.Served.When(TestCluster.Bytes / 2, goOn.Task);
        var lost = stops.AcquireAsync();
        _ = lost.ContinueWith(job => job.Exception, TaskScheduler.Default);
        var job = stays.AcquireAsync();
        await reached;

        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await stops.Silo.ExitAsync(Terminate));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}\n{stops.Silo.Said}");
        goOn.SetResult();

        await TestCluster.CheckAsync((await job).Path);
        Assert.DoesNotContain("without having withdrawn", stops.Silo.Said, StringComparison.Ordinal);
        Assert.Equal(0, cluster.ReadTwiceBy(stays));
        // It comes back with what it had, and gets the rest from the other.
        var before = cluster.Origin.Served.Total;
        await stops.StartAsync();
        await TestCluster.CheckAsync((await stops.AcquireAsync()).Path);
        Assert.Equal(before, cluster.Origin.Served.Total);
    }

    [Fact]
    public async Task After_a_power_cut_of_all_the_first_that_is_back_does_not_wait_for_the_others()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        var (first, lease) = (cluster.Nodes[0], (await cluster.Nodes[0].AcquireAsync()).Lease);
        await Task.WhenAll(cluster.Nodes.Select(node => node.KillAsync()));
        first.Move();

        var watch = Stopwatch.StartNew();
        await first.StartAsync();

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(50), $"{watch.Elapsed}\n{first.Silo.Said}");
        Assert.True(await first.RenewAsync(lease));
        Assert.Equal("hit", (await first.AcquireAsync()).Outcome);
        // The others come, each after its own time, with other ports or the same.
        cluster.Nodes[1].Move();
        await Task.WhenAll(cluster.Nodes[1].StartAsync(), cluster.Nodes[2].StartAsync());
        var before = cluster.Origin.Served.Total;
        await TestCluster.CheckAsync((await cluster.Nodes[1].AcquireAsync()).Path);
        Assert.Equal(before, cluster.Origin.Served.Total);
    }

    [Fact]
    public async Task A_lone_node_that_was_killed_is_back_at_once_on_other_ports()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var node = cluster.Nodes[0];
        await node.KillAsync();
        node.Move();

        var watch = Stopwatch.StartNew();
        await node.StartAsync();

        // Before a silence could be long enough for anybody else's row.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}\n{node.Silo.Said}");
    }

    [Fact]
    [Trait("Fault", "12")]
    public async Task A_client_s_lease_survives_a_kill_of_its_node_and_a_job_that_waits_sees_no_error()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var node = cluster.Nodes[0];
        await using var client = await DatasetCacheClient.ConnectAsync(new DatasetCacheClientOptions { Gateway = node.Gateway, ClusterId = cluster.Id, CacheRoot = node.CacheRoot });
        var held = await client.AcquireAsync(new AcquireRequest { Dataset = Dataset("d1") });
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reached = cluster.Origin.Served.When(TestCluster.Bytes * 3 / 2, goOn.Task);
        var waiting = client.AcquireAsync(new AcquireRequest { Dataset = Dataset("d2") });
        await reached;

        await node.KillAsync();
        goOn.SetResult();
        await node.StartAsync();

        await using var second = await waiting;
        await TestCluster.CheckAsync(second.Path, "d2");
        await TestCluster.CheckAsync(held.Path);
        Assert.Equal(2, await LeasesAsync(node));
        await held.DisposeAsync();
        Assert.Equal(1, await LeasesAsync(node));
    }

    private static DatasetRef Dataset(string id) => new() { DatasetId = id, SnapshotId = "s-" + id, Selection = new Selection { Mode = SelectionMode.All } };

    private static async Task<int> LeasesAsync(TestNode node)
    {
        using var status = System.Text.Json.JsonDocument.Parse(await node.Api.GetStringAsync("/v1/status"));
        return status.RootElement.GetProperty("leases").GetInt32();
    }
}
