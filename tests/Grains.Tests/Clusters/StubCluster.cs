using System.Collections.Concurrent;
using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.GrainDirectory;
using Orleans.TestingHost;

namespace DatasetCache.Grains.Tests.Clusters;

/// <summary>An Orleans cluster in this process whose nodes are <see cref="StubNode"/>s; silos are named Silo_0 and so on by the host.</summary>
internal sealed class StubCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster cluster;

    private StubCluster(InProcessTestCluster cluster) => this.cluster = cluster;

    public ConcurrentDictionary<string, StubNode> Nodes { get; } = new(StringComparer.Ordinal);

    public IClusterClient Client => cluster.Client;

    public IReadOnlyList<InProcessSiloHandle> Silos => cluster.Silos;

    public static async Task<StubCluster> StartAsync(short silos, bool withLyingDirectory = false)
    {
        var nodes = new ConcurrentDictionary<string, StubNode>(StringComparer.Ordinal);
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((options, silo) =>
        {
            var node = nodes.GetOrAdd(options.SiloName, name => new StubNode(name));
            silo.AddDatasetGrains();
            silo.Services.AddSingleton<INodeService>(node);
            silo.Services.AddSingleton(new Peer(node.Node, node.Node + ":1"));
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromSeconds(1.5);
                membership.NumVotesForDeathDeclaration = 1;
                membership.TableRefreshTimeout = TimeSpan.FromSeconds(2);
            });
        });
        // The test host puts a directory of its own, which never errs, in place of the one that the silo has chosen, unless it is told not to.
        typeof(InProcessTestClusterOptions).GetProperty("UseDistributedGrainDirectory")?.SetValue(builder.Options, true);
        if (withLyingDirectory)
            builder.ConfigureSiloHost((_, host) => host.ConfigureContainer(new DefaultServiceProviderFactory(), UseLyingDirectory));
        var built = builder.Build();
        await built.DeployAsync();
        var started = new StubCluster(built);
        foreach (var (name, node) in nodes)
            started.Nodes[name] = node;
        return started;
    }

    // At the very end, when nobody else chooses any more.
    private static void UseLyingDirectory(IServiceCollection services)
    {
        var others = services.Where(service => service.IsKeyedService && service.ServiceType == typeof(IGrainDirectory) && Equals(service.ServiceKey, GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY));
        foreach (var other in others.ToArray())
            services.Remove(other);
        services.AddKeyedSingleton<IGrainDirectory>(GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY, new LyingDirectory());
    }

    public IGrainFactory FactoryOf(InProcessSiloHandle silo) => cluster.GetSiloServiceProvider(silo.SiloAddress).GetRequiredService<IGrainFactory>();

    public IServiceProvider ServicesOf(InProcessSiloHandle silo) => cluster.GetSiloServiceProvider(silo.SiloAddress);

    public Task KillAsync(string name) => cluster.KillSiloAsync(cluster.Silos.Single(silo => string.Equals(silo.Name, name, StringComparison.Ordinal)));

    public async ValueTask DisposeAsync()
    {
        await cluster.StopAllSilosAsync();
        await cluster.DisposeAsync();
    }
}
