using System.Net;
using System.Text;
using System.Text.Json;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Tests.Api;

/// <summary>A host of its own in this process, over an origin in memory, asked as any program asks it.</summary>
internal sealed class ApiGround : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly WebApplication app;
    private readonly TransferCaps caps = new(TransferLimits.Default, TimeProvider.System);
    private HttpClient client = null!;

    private ApiGround()
    {
        Cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["root"], MinFree = DiskFloor.OfBytes(0), Durable = false }, Origin);
        var token = NodeToken.Create(folder["root"]);
        Service = new NodeService("n1", Cache, holdings: null, TimeProvider.System);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        NodeApplication.Use(app, new NodeParts(Service, Cache, new LocalClusterView(Service, new Peer("n1", "")), new ApiOptions { Token = token, Caps = caps, ProgressEvery = TimeSpan.FromMilliseconds(20) }));
        Token = token;
    }

    public MemoryOrigin Origin { get; } = new();

    public LocalDatasetCache Cache { get; }

    public NodeService Service { get; }

    public NodeToken Token { get; }

    /// <summary>What is mapped.</summary>
    public IEnumerable<RouteEndpoint> Routes => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>();

    public static async Task<ApiGround> StartAsync()
    {
        var ground = new ApiGround();
        await ground.app.StartAsync();
        ground.client = new HttpClient { BaseAddress = new Uri(ground.app.Urls.Single()) };
        ground.client.DefaultRequestHeaders.Authorization = new("Bearer", await File.ReadAllTextAsync(ground.Token.Path));
        return ground;
    }

    /// <summary>Puts a dataset of one file to the origin.</summary>
    public void Put(string name, int bytes = 1000) => Origin.Put($"s3://b/{name}/a.bin", MemoryOrigin.Bytes(name.Length, bytes));

    /// <summary>Gets it whole, and lets go of it.</summary>
    /// <returns>Its cache key.</returns>
    public async Task<string> GetAsync(string name)
    {
        await using var lease = await Cache.AcquireAsync(Request(name), progress: null, TestContext.Current.CancellationToken);
        return lease.CacheKey;
    }

    public static AcquireRequest Request(string name) => new() { Dataset = new DatasetRef { Origin = "s3://b/" + name, SnapshotId = "s-" + name, Selection = new Selection { Mode = SelectionMode.All } } };

    /// <summary>The same as a body.</summary>
    public static object Body(string name) => new { dataset = new { origin = "s3://b/" + name, snapshotId = "s-" + name, select = "all" } };

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json") };
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return (response.StatusCode, text.Length == 0 ? default : JsonElement.Parse(text));
    }

    public async Task<JsonElement> ReadAsync(string path)
    {
        var (status, body) = await SendAsync(HttpMethod.Get, path);
        Assert.True(status == HttpStatusCode.OK, $"{path}: {status} {body}");
        return body;
    }

    public Task<HttpResponseMessage> OpenAsync(string path) => client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

    /// <summary>Follows something that was started to its end.</summary>
    public async Task<JsonElement> EndOfAsync(JsonElement work)
    {
        while (work.GetProperty("state").GetString() is "running")
            work = await ReadAsync($"/v1/acquisitions/{work.GetProperty("ticket").GetString()}?wait=5");
        return work;
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await Service.DisposeAsync();
        Cache.Dispose();
        caps.Dispose();
        folder.Dispose();
    }
}
