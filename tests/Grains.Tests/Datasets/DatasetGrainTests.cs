using DatasetCache.Coordination;
using DatasetCache.Grains.Tests.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Orleans.GrainDirectory;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;

namespace DatasetCache.Grains.Tests.Datasets;

public sealed class DatasetGrainTests
{
    private const string Key = "snap_1~0123456789abcdef";

    private static readonly Peer Node = new("Silo_0", "Silo_0:1");

    [Fact]
    public async Task The_cluster_finds_its_grains_by_the_distributed_directory()
    {
        await using var cluster = await StubCluster.StartAsync(1);

        var directory = cluster.ServicesOf(cluster.Silos[0]).GetRequiredKeyedService<IGrainDirectory>(GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY);

        Assert.Equal("DistributedGrainDirectory", directory.GetType().Name);
    }

    [Fact]
    public async Task A_new_coordinator_asks_every_live_node_what_it_holds()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        foreach (var node in cluster.Nodes.Values)
            node.Holdings[Key] = Holding(node.Node, Epoch.None);

        var replicas = await cluster.Client.GetGrain<IDatasetGrain>(Key).GetReplicasAsync(TestContext.Current.CancellationToken);

        Assert.Equal(cluster.Nodes.Keys.Order(StringComparer.Ordinal), replicas.Select(replica => replica.Node).Order(StringComparer.Ordinal));
        Assert.All(cluster.Nodes.Values, node => Assert.True(node.Asked.ContainsKey(Key)));
    }

    [Fact]
    [Trait("Fault", "11")]
    public async Task A_coordinator_whose_silo_is_killed_is_rebuilt_elsewhere_from_what_the_nodes_say()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        var before = await cluster.Client.GetGrain<IDatasetGrain>(Key).GetState();
        var survivors = cluster.Nodes.Values.Where(node => !string.Equals(node.Node, before.Silo, StringComparison.Ordinal)).ToArray();
        var seen = (await ReplicaAsync(cluster.Client.GetGrain<IDatasetGrain>(Key), survivors[0].Node, Epoch.None)).Epoch.ToEpoch();
        foreach (var node in survivors)
            node.Holdings[Key] = Holding(node.Node, seen);

        await cluster.KillAsync(before.Silo);
        var from = cluster.FactoryOf(cluster.Silos.First(silo => string.Equals(silo.Name, survivors[0].Node, StringComparison.Ordinal))).GetGrain<IDatasetGrain>(Key);
        var state = await UntilAsync(from.GetState, after => !string.Equals(after.Silo, before.Silo, StringComparison.Ordinal) && after.ReplicaCount == 2);

        Assert.Equal(survivors.Select(node => node.Node).Order(StringComparer.Ordinal), state.Replicas.Select(replica => replica.Node).Order(StringComparer.Ordinal));
        var after = (await ReplicaAsync(from, survivors[0].Node, seen)).Epoch.ToEpoch();
        Assert.True(after > seen, $"{after} is not above {seen}");
    }

    [Fault(13)]
    public async Task Of_two_activations_the_lower_epoch_gives_up()
    {
        var fault = new FaultCase(13);
        await using var cluster = await StubCluster.StartAsync(2, withLyingDirectory: true);
        var first = await EpochOnAsync(cluster, 0, Epoch.None);
        var second = await EpochOnAsync(cluster, 1, Epoch.None);
        Assert.NotEqual(first, second);
        fault.Fired();
        var (lower, higher) = first < second ? (0, second) : (1, first);

        // It hears of the higher one, answers once more in its own epoch, which nobody heeds, and ends.
        Assert.True(await EpochOnAsync(cluster, lower, higher) < higher);
        var next = await fault.HealsAsync(() => UntilAsync(() => EpochOnAsync(cluster, lower, higher), epoch => epoch > higher));

        Assert.Equal(higher, await EpochOnAsync(cluster, 1 - lower, Epoch.None));
        Assert.True(next.Counter > higher.Counter);
        fault.End();
    }

    [Fact]
    public async Task A_coordinator_that_cannot_be_reached_is_said_to_be_within_its_time()
    {
        var cluster = await StubCluster.StartAsync(1);
        await ReplicaAsync(cluster.Client.GetGrain<IDatasetGrain>(Key), Node.Node, Epoch.None);
        var coordinator = new GrainCoordinator(Key, cluster.Client.GetGrain<IDatasetGrain>(Key), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, TimeSpan.FromSeconds(1));
        await cluster.DisposeAsync();

        var gone = await Assert.ThrowsAsync<CoordinatorUnavailableException>(() => coordinator.ReplicaAsync(Report(Node.Node, Epoch.None), TestContext.Current.CancellationToken));

        Assert.Contains(Key, gone.Message, StringComparison.Ordinal);
    }

    private static async Task<Epoch> EpochOnAsync(StubCluster cluster, int silo, Epoch seen)
    {
        // The lying directory lets each silo have its own; the hint has it placed there.
        RequestContext.Set(IPlacementDirector.PlacementHintKey, cluster.Silos[silo].SiloAddress);
        try
        {
            return (await ReplicaAsync(cluster.FactoryOf(cluster.Silos[silo]).GetGrain<IDatasetGrain>(Key), Node.Node, seen)).Epoch.ToEpoch();
        }
        finally
        {
            RequestContext.Clear();
        }
    }

    private static Task<ReplicaReplyMessage> ReplicaAsync(IDatasetGrain grain, string node, Epoch seen) => grain.ReplicaAsync(Report(node, seen).ToMessage(), CancellationToken.None);

    private static ReplicaReport Report(string node, Epoch seen) => new() { From = new Peer(node, node + ":1"), Seen = seen, CacheKey = "snap_1", Digest = new string('a', 64), Bytes = 10 };

    private static NodeHolding Holding(string node, Epoch seen) => new() { From = new Peer(node, node + ":1"), Seen = seen, Replica = Report(node, seen) };

    private static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> isIt)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            try
            {
                if (await look() is var seen && isIt(seen))
                    return seen;
            }
            catch (Exception e) when (e is OrleansException or SiloUnavailableException or TimeoutException && !patience.IsCancellationRequested)
            {
                // The cluster is finding out.
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), patience.Token);
        }
    }
}
