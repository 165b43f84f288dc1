using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Serving;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Pages.Tests;

/// <summary>A host of its own in this process, with all that a node serves: access, API and pages.</summary>
internal sealed class LiveNode : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly WebApplication app;
    private readonly LocalDatasetCache cache;
    private readonly NodeService service;

    private LiveNode()
    {
        cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["root"], MinFree = DiskFloor.OfBytes(0), Durable = false }, Origin);
        service = new NodeService("live", cache, holdings: null, TimeProvider.System);
        var token = NodeToken.Create(folder["root"]);
        Token = File.ReadAllText(token.Path);
        ReaderToken = ApiToken.New();
        File.WriteAllText(folder["tokens"], ApiToken.Line("somebody", "reader", ReaderToken) + "\n");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        app = builder.Build();
        NodeApplication.Use(app, new NodeParts(service, cache, new LocalClusterView(service, new Peer("live", "")), new ApiOptions { Token = token, Access = new AccessOptions { TokenFile = folder["tokens"] } }));
    }

    public MemoryOrigin Origin { get; } = new();

    public string Token { get; }

    public string ReaderToken { get; }

    public string Url => app.Urls.Single();

    public static async Task<LiveNode> StartAsync()
    {
        var node = new LiveNode();
        await node.app.StartAsync();
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await service.DisposeAsync();
        cache.Dispose();
        Origin.Dispose();
        folder.Dispose();
    }
}
