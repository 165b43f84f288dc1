using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Files;
using DatasetCache.Http.Serving;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Tests.Files;

/// <summary>A host of its own in this process, over an origin in memory.</summary>
internal sealed class FilesGround : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly WebApplication app;

    private FilesGround(IOriginFactory? origins, CacheOptions? options, Func<ApiOptions, ApiOptions>? api, bool spliced)
    {
        Cache = LocalDatasetCache.Open((options ?? new CacheOptions { Root = "" }) with { Root = folder["root"], MinFree = DiskFloor.OfBytes(0), Durable = false }, origins ?? Origin);
        Token = NodeToken.Create(folder["root"]);
        Service = new NodeService("test-node", Cache, holdings: null, TimeProvider.System);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, spliced ? Splice.Use : _ => { }));
        app = builder.Build();
        var set = new ApiOptions { Token = Token };
        Parts = new NodeParts(Service, Cache, new LocalClusterView(Service, new Peer("test-node", "")), api?.Invoke(set) ?? set);
        NodeApplication.Use(app, Parts);
    }

    public MemoryOrigin Origin { get; } = new();

    public LocalDatasetCache Cache { get; }

    public NodeService Service { get; }

    public NodeToken Token { get; }

    public NodeParts Parts { get; }

    public HttpClient Client { get; private set; } = null!;

    public string Root => folder["root"];

    public static async Task<FilesGround> StartAsync(IOriginFactory? origins = null, CacheOptions? options = null, Func<ApiOptions, ApiOptions>? api = null, bool spliced = true)
    {
        var ground = new FilesGround(origins, options, api, spliced);
        await ground.app.StartAsync();
        ground.Client = new HttpClient { BaseAddress = new Uri(ground.app.Urls.Single()) };
        ground.Client.DefaultRequestHeaders.Authorization = new("Bearer", await File.ReadAllTextAsync(ground.Token.Path));
        return ground;
    }

    public static DatasetRef Dataset(string origin = "set", string snapshot = "snap") => new() { Origin = origin, SnapshotId = snapshot, Selection = new Selection { Mode = SelectionMode.All } };

    /// <summary>Gets it whole, and lets go of it.</summary>
    /// <returns>Its cache key.</returns>
    public async Task<string> GetAsync(string origin = "set")
    {
        await using var lease = await Cache.AcquireAsync(new AcquireRequest { Dataset = Dataset(origin) }, progress: null, TestContext.Current.CancellationToken);
        return lease.CacheKey;
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string url, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url);
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async Task<byte[]> ReadAsync(string url, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(HttpMethod.Get, url, headers);
        return await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Sends a target as it is, which no client library would.</summary>
    /// <returns>The whole answer.</returns>
    public async Task<string> RawAsync(string target)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {Client.DefaultRequestHeaders.Authorization}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await Service.DisposeAsync();
        Cache.Dispose();
        Parts.Hot.Dispose();
        folder.Dispose();
    }
}
