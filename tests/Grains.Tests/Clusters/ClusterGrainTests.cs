using System.Globalization;
using DatasetCache.Statistics;
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

    [Fact]
    public async Task What_the_caches_did_is_added_up_by_day_and_key_and_asked_for_once_in_a_while()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        var day = new DateOnly(2026, 11, 20);
        for (var i = 0; i < 3; i++)
        {
            var node = cluster.Nodes[string.Create(CultureInfo.InvariantCulture, $"Silo_{i}")];
            node.Days[day] = new UsageTally { Hits = 10, Misses = 1, BytesSaved = 100, BytesFromOrigin = 7, BytesServed = 107, Failures = 2, Evictions = 3, BytesEvicted = 30 };
            node.Days[day.AddDays(i)] = new UsageTally { Hits = i + 1 };
            node.Days[day.AddDays(-1)] = new UsageTally { Hits = 1000 };
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AskAsync()));

        var usage = answers[0];
        Assert.Equal(["Silo_0", "Silo_1", "Silo_2"], usage.Nodes);
        Assert.Empty(usage.Silent);
        Assert.Equal([(day, 21L), (day.AddDays(1), 2L), (day.AddDays(2), 3L)], usage.Usage.Days.Select(one => (one.Day, one.Tally.Hits)));
        Assert.Equal(new TallyMessage(21, 2, 4, 214, 14, 200, 6, 60), usage.Usage.Days[0].Tally);
        Assert.Equal(("snap_1", 26L), (Assert.Single(usage.Usage.Keys).CacheKey, usage.Usage.Keys[0].Tally.Hits));
        Assert.All(cluster.Nodes.Values, node => Assert.Equal(1, node.Counted));

        Task<ClusterUsage> AskAsync() => cluster.FactoryOf(cluster.Silos[0]).GetGrain<IClusterGrain>(0).UsageAsync(day, day.AddDays(9), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_node_that_does_not_say_what_its_cache_did_is_named()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        var day = new DateOnly(2026, 11, 20);
        foreach (var node in cluster.Nodes.Values)
            node.Days[day] = new UsageTally { Hits = 5 };
        cluster.Nodes["Silo_1"].IsIll = true;

        var usage = await cluster.Client.GetGrain<IClusterGrain>(0).UsageAsync(day, day, TestContext.Current.CancellationToken);

        Assert.Equal(["Silo_0", "Silo_2"], usage.Nodes);
        Assert.Equal(["Silo_1"], usage.Silent);
        Assert.Equal(10, Assert.Single(usage.Usage.Days).Tally.Hits);
    }
}
