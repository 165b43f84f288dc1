using System.Collections.Concurrent;
using System.Security.Cryptography;
using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using DatasetCache.Testing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.GrainDirectory;
using Orleans.TestingHost;

namespace DatasetCache.Grains.Tests.Clusters;

/// <summary>An Orleans cluster in this process whose nodes are <see cref="StubNode"/>s; silos are named Silo_0 and so on by the host.</summary>
internal sealed class StubCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster cluster;

    private readonly TempFolder folder;

    private StubCluster(InProcessTestCluster cluster, TempFolder folder, CallSecret secret, NodeToken token, ClientShows client)
        => (this.cluster, this.folder, Secret, Token, this.client) = (cluster, folder, secret, token, client);

    private readonly ClientShows client;

    /// <summary>What the nodes sign with.</summary>
    public CallSecret Secret { get; }

    /// <summary>The token of every node.</summary>
    public NodeToken Token { get; }

    /// <summary>What <see cref="Client"/> shows with each call from now on; null for nothing. At first it signs as a node.</summary>
    public Func<GrainId, string?> Shows { set => client.Shown = value; }

    public ConcurrentDictionary<string, StubNode> Nodes { get; } = new(StringComparer.Ordinal);

    public IClusterClient Client => cluster.Client;

    public IReadOnlyList<InProcessSiloHandle> Silos => cluster.Silos;

    /// <param name="stranger">The name of a silo that has another secret.</param>
    public static async Task<StubCluster> StartAsync(short silos, bool withLyingDirectory = false, string? stranger = null)
    {
        var nodes = new ConcurrentDictionary<string, StubNode>(StringComparer.Ordinal);
        var folder = new TempFolder();
        var secret = new CallSecret(RandomNumberGenerator.GetBytes(32));
        var token = NodeToken.Create(folder.Path);
        var client = new ClientShows(target => secret.Sign(target, TimeProvider.System.GetUtcNow() + CallSecret.Life));
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureClient(orleans => orleans.Services.AddSingleton<IOutgoingGrainCallFilter>(client));
        builder.ConfigureSilo((options, silo) =>
        {
            var node = nodes.GetOrAdd(options.SiloName, name => new StubNode(name));
            silo.AddDatasetGrains(new GrainAccess
            {
                Secret = stranger is not null && string.Equals(options.SiloName, stranger, StringComparison.Ordinal) ? new CallSecret(RandomNumberGenerator.GetBytes(32)) : secret,
                Token = token,
                Folders = ["/data/own"],
            });
            silo.Services.AddSingleton<INodeService>(node);
            silo.Services.AddSingleton(new Peer(node.Node, node.Node + ":1"));
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromSeconds(1.5);
                membership.NumVotesForDeathDeclaration = 1;
                membership.TableRefreshTimeout = TimeSpan.FromSeconds(2);
                membership.MaxJoinAttemptTime = TimeSpan.FromSeconds(stranger is null ? 60 : 3);
            });
        });
        // The test host puts a directory of its own, which never errs, in place of the one that the silo has chosen, unless it is told not to.
        typeof(InProcessTestClusterOptions).GetProperty("UseDistributedGrainDirectory")?.SetValue(builder.Options, true);
        if (withLyingDirectory)
            builder.ConfigureSiloHost((_, host) => host.ConfigureContainer(new DefaultServiceProviderFactory(), UseLyingDirectory));
        var built = builder.Build();
        await built.DeployAsync();
        var started = new StubCluster(built, folder, secret, token, client);
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

    public Task<InProcessSiloHandle> StartOneMoreAsync() => cluster.StartAdditionalSiloAsync();

    public Task KillAsync(string name) => cluster.KillSiloAsync(cluster.Silos.Single(silo => string.Equals(silo.Name, name, StringComparison.Ordinal)));

    public async ValueTask DisposeAsync()
    {
        await cluster.StopAllSilosAsync();
        await cluster.DisposeAsync();
        folder.Dispose();
    }

    private sealed class ClientShows(Func<GrainId, string?> shown) : IOutgoingGrainCallFilter
    {
        public Func<GrainId, string?> Shown { get; set; } = shown;

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            if (Shown(context.TargetId) is { } credential)
                RequestContext.Set(CallCredential.Key, credential);
            await context.Invoke();
        }
    }
}
