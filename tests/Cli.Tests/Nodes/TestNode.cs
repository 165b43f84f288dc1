using System.Net;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;
using DatasetCache.Origins;
using DatasetCache.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>A node's daemon in this process, for real dscache processes to find: lock, token, API, engine; no cluster.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly NodeLock held;

    private TestNode(WebApplication app, NodeLock held, LocalDatasetCache cache, NodeService service, NodeToken token)
        => (this.app, this.held, Cache, Service, Token) = (app, held, cache, service, token);

    public LocalDatasetCache Cache { get; }

    public NodeService Service { get; }

    public NodeToken Token { get; }

    public required TransferCaps Caps { get; init; }

    private sealed class TwoNodes(NodeService service) : IClusterView
    {
        private readonly LocalClusterView own = new(service, new Peer(service.Node, ""));

        public string Self => own.Self;

        public Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ClusterNodeDocument>>(
            [new("test-node", "10.1.0.1:4681", "Active", IsAlive: true, 1, 9), new("other-node", null, "Active", IsAlive: false, null, null)]);

        public Task<(IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next)> DatasetsAsync(string? after, int limit, CancellationToken cancellationToken)
            => own.DatasetsAsync(after, limit, cancellationToken);

        public Task<IReadOnlyList<ClusterDatasetDocument>> DatasetAsync(string cacheKey, CancellationToken cancellationToken) => own.DatasetAsync(cacheKey, cancellationToken);

        public Task<IReadOnlyList<EventDocument>> HistoryAsync(string cacheKey, int limit, CancellationToken cancellationToken) => own.HistoryAsync(cacheKey, limit, cancellationToken);

        public Task<ClusterStatistics> StatisticsAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken) => own.StatisticsAsync(from, to, cancellationToken);

        public Task<IReadOnlyList<RecommendedHostDocument>> RecommendAsync(IReadOnlyList<DatasetRef> datasets, CancellationToken cancellationToken) => own.RecommendAsync(datasets, cancellationToken);

        public INodeActions ActionsOn(string node) => own.ActionsOn(node);
    }

    public Uri Url => new(app.Urls.Single());

    private readonly SemaphoreSlim renewals = new(0);

    private int refused;

    /// <summary>Waits until leases were renewed so many times more, and none in vain: who has lost his acquires again, and is protected all the same.</summary>
    public async Task RenewedAsync(int times)
    {
        for (var seen = 0; seen < times; seen++)
            Assert.True(await renewals.WaitAsync(TimeSpan.FromSeconds(30)), $"{seen} renewals came of {times}");
        Assert.Equal(0, Volatile.Read(ref refused));
    }

    /// <param name="folder">What it reads datasets from for others, and its default origin.</param>
    /// <param name="before">Comes before every request.</param>
    /// <param name="configuration">What would stand in the environment.</param>
    public static async Task<TestNode> StartAsync(string root, string folder, TimeSpan? leaseTtl = null, Func<Task>? before = null, IOriginFactory? origins = null, IReadOnlyDictionary<string, string?>? configuration = null, DiskFloor? minFree = null)
    {
        var cache = LocalDatasetCache.Open(new CacheOptions { Root = root, MinFree = minFree ?? DiskFloor.OfBytes(0) }, origins ?? new OriginFactory(new OriginOptions { Url = folder }));
        var held = await NodeLock.TakeAsync(cache.Room, TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None);
        var token = NodeToken.Create(root);
        var caps = new TransferCaps(TransferLimits.Default, TimeProvider.System);
        var service = new NodeService("test-node", cache, holdings: null, TimeProvider.System, leaseTtl);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(configuration);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        if (before is not null)
        {
            app.Use(next => async context =>
            {
                await before();
                await next(context);
            });
        }
        TestNode? node = null;
        app.Use(next => async context =>
        {
            await next(context);
            if (!context.Request.Path.Value!.EndsWith("/renew", StringComparison.Ordinal))
                return;
            if (context.Response.StatusCode == StatusCodes.Status404NotFound)
                Interlocked.Increment(ref node!.refused);
            node!.renewals.Release();
        });
        NodeApplication.Use(app, new NodeParts(service, cache, new TwoNodes(service), new ApiOptions { Token = token, Folders = [folder], Caps = caps }));
        node = new TestNode(app, held, cache, service, token) { Caps = caps };
        await app.StartAsync();
        held.Write(new NodeAddress("test-node", app.Urls.Single(), token.Path, Environment.ProcessId));
        return node;
    }

    /// <summary>A client that presents the token.</summary>
    public HttpClient Client()
    {
        var client = new HttpClient { BaseAddress = Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", File.ReadAllText(Token.Path));
        return client;
    }

    /// <summary>Ends as if killed: connections break, and the lock is free.</summary>
    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await Service.DisposeAsync();
        held.Dispose();
        renewals.Dispose();
        Cache.Dispose();
        Caps.Dispose();
    }
}
