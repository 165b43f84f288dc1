using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Serving;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Tests.Access;

/// <summary>
/// What a node serves, in this process, with a route for each role besides. A request's headers From and At make it come from, and to, another address than loopback. Everything is logged that can be.
/// </summary>
internal sealed class AccessGround : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly LocalDatasetCache cache;
    private readonly NodeService service;

    private AccessGround(TempFolder folder, WebApplication app, LocalDatasetCache cache, NodeService service, NodeToken token, SteppedClock clock, Said said)
        => (Folder, this.app, this.cache, this.service, NodeToken, Clock, Log) = (folder, app, cache, service, File.ReadAllText(token.Path), clock, said);

    public TempFolder Folder { get; }

    public required MemoryOrigin Origin { get; init; }

    public string NodeToken { get; }

    public SteppedClock Clock { get; }

    public Said Log { get; }

    /// <summary>The last of where it listens: the open one, where there is one.</summary>
    public Uri Url => new(app.Urls.Last());

    /// <summary>What was kept, sorted by who did it. Ends the server: a line is written after its request was answered.</summary>
    public async Task<IReadOnlyList<JsonElement>> AuditAsync()
    {
        await app.StopAsync();
        return [.. File.ReadAllLines(Folder["cache/audit.log"]).Select(line => JsonDocument.Parse(line).RootElement).OrderBy(line => line.GetProperty("who").GetString(), StringComparer.Ordinal)];
    }

    public static async Task<AccessGround> StartAsync(AccessOptions? access = null, ServingSettings? serving = null, TempFolder? folder = null)
    {
        folder ??= new TempFolder();
        var said = new Said();
        var clock = new SteppedClock();
        var origin = new MemoryOrigin();
        var cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), Durable = false }, origin);
        var service = new NodeService("node", cache, holdings: null, TimeProvider.System);
        var token = Hosting.Node.NodeToken.Create(folder["cache"]);
        var builder = NodeBuilder.Create(serving ?? new ServingSettings { NodeId = "node", LeaseTtl = TimeSpan.FromMinutes(1), Local = new IPEndPoint(IPAddress.Loopback, 0) });
        builder.Configuration["Logging:LogLevel:Default"] = "Trace";
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(said);
        builder.Services.AddSingleton<TimeProvider>(clock);
        var app = builder.Build();
        app.Use(next => context =>
        {
            if (context.Request.Headers["From"] is { Count: > 0 } from)
                context.Connection.RemoteIpAddress = IPAddress.Parse(from.ToString());
            if (context.Request.Headers["At"] is { Count: > 0 } at)
                context.Connection.LocalIpAddress = IPAddress.Parse(at.ToString());
            return next(context);
        });
        NodeApplication.Use(app, new NodeParts(service, cache, new LocalClusterView(service, new Coordination.Peer("node", "")), new ApiOptions { Token = token, Access = access ?? new AccessOptions() }));
        app.MapGet("/t/read", Answer);
        app.MapPost("/t/acquire", Answer);
        app.MapPost("/t/operate/{what}", Answer).RequireRole(Role.Operator);
        app.MapGet("/t/operator", Answer).RequireRole(Role.Operator);
        app.MapGet("/dashboard", Answer).RequireRole(Role.Operator);
        app.MapGet("/t/anyone", Answer).RequireRole(Role.Anyone);
        app.MapGroup("/t/group").RequireRole(Role.Operator).MapGet("/open", Answer).RequireRole(Role.Anyone);
        await app.StartAsync();
        return new AccessGround(folder, app, cache, service, token, clock, said) { Origin = origin };

        static Task Answer(HttpContext context) => context.Response.WriteAsync("ok");
    }

    /// <summary>Puts a new token into <c>tokens</c>.</summary>
    public static string AddToken(TempFolder folder, string name, string role)
    {
        var token = ApiToken.New();
        File.AppendAllText(folder["tokens"], ApiToken.Line(name, role, token) + "\n");
        return token;
    }

    /// <summary>A client that keeps no cookies and follows nowhere, so that a test sees all.</summary>
    public HttpClient Client(string? token = null)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false, UseProxy = false, SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } }) { BaseAddress = Url };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    /// <param name="headers">Name: value.</param>
    public async Task<Answered> SendAsync(string method, string path, string? token = null, string? body = null, string type = "application/json", params string[] headers)
    {
        using var client = Client(token);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, type) };
        foreach (var header in headers)
            request.Headers.TryAddWithoutValidation(header[..header.IndexOf(':')], header[(header.IndexOf(':') + 1)..].Trim());
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answered(response.StatusCode, text, response.Headers.ToDictionary(header => header.Key, header => string.Join('\n', header.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Logs in as a browser's form does.</summary>
    /// <returns>The cookie, as it is sent back.</returns>
    public async Task<string> LogInAsync(string token)
    {
        var answered = await SendAsync("POST", "/login", body: "token=" + token, type: "application/x-www-form-urlencoded", headers: "Sec-Fetch-Site: same-origin");
        Assert.Equal(HttpStatusCode.SeeOther, answered.Status);
        return answered.Headers["Set-Cookie"].Split(';')[0];
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await service.DisposeAsync();
        cache.Dispose();
        Folder.Dispose();
    }
}

internal sealed record Answered(HttpStatusCode Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public string? Code => Text.StartsWith('{') ? JsonDocument.Parse(Text).RootElement.GetProperty("code").GetString() : null;
}

/// <summary>All that was logged, at any level.</summary>
internal sealed class Said : ILoggerProvider
{
    private readonly ConcurrentQueue<string> lines = new();

    public string All => string.Join('\n', lines);

    public ILogger CreateLogger(string categoryName) => new One(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class One(Said to, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => to.lines.Enqueue($"{logLevel} {category}: {formatter(state, exception)} {exception}");
    }
}
