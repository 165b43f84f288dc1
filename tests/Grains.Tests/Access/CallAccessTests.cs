using System.Collections.Immutable;
using System.Reflection;
using System.Security.Cryptography;
using DatasetCache.Grains.Tests.Clusters;
using DatasetCache.Hosting.Node;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DatasetCache.Grains.Tests.Access;

[Trait("Fault", "25")]
public sealed class CallAccessTests
{
    private const string Dataset = "snap_2b2fca921e88_1bb25f37~0123456789abcdef";

    private static IEnumerable<Type> Contracts => typeof(INodeGrain).Assembly.GetExportedTypes().Where(type => type.IsInterface && typeof(IGrain).IsAssignableFrom(type));

    [Fact]
    public async Task Who_shows_nothing_or_the_wrong_thing_is_refused_whatever_is_called()
    {
        await using var cluster = await StubCluster.StartAsync(2);
        // The grains are there already: made by calls that showed what they had to, from outside and from within a silo.
        foreach (var node in cluster.Nodes.Keys)
            await cluster.FactoryOf(cluster.Silos[0]).GetGrain<INodeGrain>(node).StatusAsync();
        await cluster.FactoryOf(cluster.Silos[0]).GetGrain<IDatasetGrain>(Dataset).GetState();
        await cluster.Client.GetGrain<IClusterGrain>(0).LocalNodeAsync();
        var past = TimeProvider.System.GetUtcNow().AddSeconds(-2);
        var other = new CallSecret(RandomNumberGenerator.GetBytes(32));
        var elsewhere = cluster.Client.GetGrain<INodeGrain>("elsewhere").GetGrainId();
        var refused = new Dictionary<string, Func<GrainId, string?>>(StringComparer.Ordinal)
        {
            ["nothing"] = _ => null,
            ["nonsense"] = _ => "nonsense",
            ["no token"] = _ => CallCredential.Of(""),
            ["the wrong token"] = _ => CallCredential.Of(new string('0', 64)),
            ["no signature"] = _ => "node ",
            ["a half signature"] = target => cluster.Secret.Sign(target, past.AddHours(1))[..^2],
            ["another secret"] = target => other.Sign(target, past.AddHours(1)),
            ["another grain's"] = _ => cluster.Secret.Sign(elsewhere, past.AddHours(1)),
            ["an expired one"] = target => cluster.Secret.Sign(target, past),
            ["one for ever"] = target => cluster.Secret.Sign(target, past.AddHours(5)),
        };

        foreach (var (name, shown) in refused)
        {
            cluster.Shows = shown;
            foreach (var (contract, method) in Contracts.SelectMany(contract => contract.GetMethods().Select(method => (contract, method))))
            {
                var call = CallAsync(cluster, contract, method);
                var e = await Record.ExceptionAsync(() => call);
                Assert.True(e is CallRefusedException, $"{contract.Name}.{method.Name} with {name}: {e?.ToString() ?? "obeyed"}");
            }
            await Assert.ThrowsAsync<CallRefusedException>(() => cluster.Client.GetGrain<IManagementGrain>(0).GetHosts());
        }
        Assert.Equal(3, Contracts.Count());
    }

    [Fact]
    public async Task The_token_of_the_host_opens_the_node_and_the_view_of_the_cluster_and_nothing_else()
    {
        await using var cluster = await StubCluster.StartAsync(1);
        cluster.Shows = _ => CallCredential.Of(NodeToken.Read(cluster.Token.Path));

        foreach (var (contract, method) in Contracts.SelectMany(contract => contract.GetMethods().Select(method => (contract, method))))
        {
            var call = CallAsync(cluster, contract, method);
            var e = await Record.ExceptionAsync(() => call);
            Assert.True(e is CallRefusedException == (contract == typeof(IDatasetGrain)), $"{contract.Name}.{method.Name}: {e?.ToString() ?? "obeyed"}");
        }
        await Assert.ThrowsAsync<CallRefusedException>(() => cluster.Client.GetGrain<IManagementGrain>(0).GetHosts());
        Assert.Equal(cluster.Nodes.Keys.Single(), (await cluster.Client.GetGrain<IClusterGrain>(0).LocalNodeAsync()).Node);
    }

    [Fact]
    public async Task A_silo_without_the_secret_is_not_obeyed()
    {
        await using var cluster = await StubCluster.StartAsync(1, stranger: "Silo_1");
        var stranger = await cluster.StartOneMoreAsync();
        Assert.Equal("Silo_1", stranger.Name);

        // Orleans itself finds no way to the grain, and keeps looking: nothing is answered, or it is refused.
        var call = cluster.FactoryOf(stranger).GetGrain<INodeGrain>("Silo_0").DescribeAsync("stranger", CancellationToken.None);
        var e = await Record.ExceptionAsync(() => call.WaitAsync(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken));
        await cluster.KillAsync("Silo_1");

        Assert.NotNull(e);
        Assert.Empty(cluster.Nodes["Silo_0"].Asked);
    }

    [Fact]
    public void Clocks_an_hour_apart_do_not_cut_a_cluster_in_two()
    {
        var secret = new CallSecret(RandomNumberGenerator.GetBytes(32));
        var target = GrainId.Create("dscache.node", "a");
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var signed = secret.Sign(target, now + CallSecret.Life);

        Assert.Null(secret.Fault(signed, target, now));
        Assert.Null(secret.Fault(signed, target, now.AddHours(1)));
        Assert.Null(secret.Fault(signed, target, now.AddHours(-1)));
        Assert.NotNull(secret.Fault(signed, target, now.AddHours(1).AddMinutes(2)));
        Assert.NotNull(secret.Fault(signed, target, now.AddHours(-1).AddMinutes(-2)));
    }

    [Theory]
    [InlineData("/data/other")]
    [InlineData("/data/own/../other")]
    [InlineData("/data/owner")]
    [InlineData("file:///data/other")]
    public async Task A_folder_that_is_not_the_node_s_own_origin_is_not_read_for_a_client(string folder)
    {
        await using var cluster = await StubCluster.StartAsync(1);
        var node = cluster.Client.GetGrain<INodeGrain>(cluster.Nodes.Keys.Single());

        var foreign = await Record.ExceptionAsync(() => node.AcquireAsync(AcquireOf(folder), CancellationToken.None));
        var own = await Assert.ThrowsAsync<NodeFailedException>(() => node.AcquireAsync(AcquireOf("/data/own/set"), CancellationToken.None));

        Assert.NotEqual(nameof(ErrorCode.NotFound), Assert.IsType<NodeFailedException>(foreign).Failure.Code);
        Assert.Equal(nameof(ErrorCode.NotFound), own.Failure.Code);
    }

    private static AcquireMessage AcquireOf(string? origin) => new() { Dataset = new DatasetMessage { Origin = origin, SnapshotId = "snap_1" }, Ticket = "t" };

    private static Task CallAsync(StubCluster cluster, Type contract, MethodInfo method)
    {
        var grain = contract == typeof(IClusterGrain) ? cluster.Client.GetGrain(contract, 0)
            : cluster.Client.GetGrain(contract, contract == typeof(INodeGrain) ? "Silo_0" : Dataset);
        return (Task)method.Invoke(grain, [.. method.GetParameters().Select(parameter => Value(parameter.ParameterType))])!;
    }

    // Enough that the call gets off; what it means is looked at by others.
    private static object? Value(Type type)
        => type == typeof(string) ? "a"
        : type == typeof(AcquireMessage) ? AcquireOf("s3://bucket/a")
        : type == typeof(ImmutableArray<DatasetMessage>) ? ImmutableArray<DatasetMessage>.Empty
        : type.IsValueType ? Activator.CreateInstance(type) : null;
}
