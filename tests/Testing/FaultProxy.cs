using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DatasetCache.Testing;

/// <summary>
/// Stands in front of an S3 server, counts what goes through and strikes by rules. It passes the Host header on as it came, so that
/// signatures made for the proxy's address stay valid.
/// </summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private static readonly HashSet<string> NotPassedOn = new(StringComparer.OrdinalIgnoreCase)
        { "Connection", "Keep-Alive", "Transfer-Encoding", "Host", "Content-Length", "Expect" };

    private readonly string upstream;
    private readonly HttpClient http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private readonly ConcurrentQueue<FaultRule> rules = new();
    private readonly ConcurrentQueue<ProxyRequest> requests = new();
    private readonly ConcurrentDictionary<int, Task> underWay = new();
    private LoopbackServer? server;
    private int count;

    private FaultProxy(string upstream) => this.upstream = upstream.TrimEnd('/');

    public string Endpoint => server!.Endpoint;

    /// <summary>Every request so far, listings included.</summary>
    public IReadOnlyCollection<ProxyRequest> Requests => requests;

    public ServedBytes Served { get; } = new();

    /// <param name="upstream">For example <see cref="S3Server.Endpoint"/> or <see cref="RangeServer.Endpoint"/>.</param>
    /// <param name="address">Where it listens. Default: 127.0.0.1.</param>
    public static async Task<FaultProxy> StartAsync(string upstream, IPAddress? address = null)
    {
        var proxy = new FaultProxy(upstream);
        proxy.server = await LoopbackServer.StartAsync(proxy.HandleAsync, address);
        return proxy;
    }

    /// <summary>The first rule that strikes a request has it.</summary>
    public FaultRule Add(FaultRule rule)
    {
        rules.Enqueue(rule);
        return rule;
    }

    /// <summary>Strikes reads of objects.</summary>
    public FaultRule Add(Fault fault, int fromNth = 1, int times = 1) => Add(new FaultRule { Fault = fault, FromNth = fromNth, Times = times });

    /// <summary>No rule strikes any more.</summary>
    public void Calm() => rules.Clear();

    /// <summary>Completes when what is being answered now has ended: for a client that is gone, when that was noticed, until when bytes would go out to nobody.</summary>
    public Task IdleAsync() => Task.WhenAll(underWay.Values);

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        http.Dispose();
    }

    private async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var path = target.Split('?')[0].TrimStart('/').Split('/', 2);
        var seen = new ProxyRequest(context.Request.Method, path[0], path.Length > 1 ? Uri.UnescapeDataString(path[1]) : "",
            context.Request.QueryString.Value ?? "", context.Request.Headers.Range, Interlocked.Increment(ref count)) { AccessKey = AccessKeyOf(context.Request) };
        requests.Enqueue(seen);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        underWay[seen.Nth] = ended.Task;
        try
        {
            await AnswerAsync(context, target, seen, cancellationToken);
        }
        finally
        {
            underWay.TryRemove(seen.Nth, out _);
            ended.SetResult();
        }
    }

    private async Task AnswerAsync(HttpContext context, string target, ProxyRequest seen, CancellationToken cancellationToken)
    {
        var fault = rules.FirstOrDefault(rule => rule.Strikes(seen))?.Fault ?? new Fault();

        if (fault.Reset)
        {
            context.Abort();
            return;
        }
        if (fault.Hang)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        if (fault.Status is { } status)
        {
            await RefuseAsync(context, status, fault, seen, cancellationToken);
            return;
        }
        using var response = await AskAsync(context, target, fault, cancellationToken);
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (!NotPassedOn.Contains(name))
                context.Response.Headers[name] = values.ToArray();
        }
        foreach (var (name, value) in fault.Headers)
            context.Response.Headers[name] = value;
        if (!fault.WithoutLength)
            context.Response.ContentLength = response.Content.Headers.ContentLength;
        if (context.Request.Method == "HEAD")
            return;
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var key = seen.IsObjectRead && response.IsSuccessStatusCode ? seen.Key : null;
        await BodyRelay.RunAsync(body, context, fault, key is null ? null : Served, key ?? "", seen.AccessKey, response.Content.Headers.ContentRange?.From ?? 0, cancellationToken);
    }

    // Authorization: AWS4-HMAC-SHA256 Credential=KEY/20260101/…; presigned, the same stands in the query.
    private static string AccessKeyOf(HttpRequest request)
    {
        var text = request.Headers.Authorization.ToString();
        var at = text.IndexOf("Credential=", StringComparison.Ordinal);
        var credential = at >= 0 ? text[(at + "Credential=".Length)..] : request.Query["X-Amz-Credential"].ToString();
        return credential.Split('/')[0];
    }

    private async Task<HttpResponseMessage> AskAsync(HttpContext context, string target, Fault fault, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method),
            new Uri(upstream + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(context.Request.Body);
            request.Content.Headers.ContentLength = context.Request.ContentLength;
        }
        foreach (var (name, values) in context.Request.Headers)
        {
            if (NotPassedOn.Contains(name) || (fault.IgnoreRange && name == "Range"))
                continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        request.Headers.Host = context.Request.Headers.Host;
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static async Task RefuseAsync(HttpContext context, int status, Fault fault, ProxyRequest seen, CancellationToken cancellationToken)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"fault-{seen.Nth}");
        context.Response.StatusCode = status;
        context.Response.Headers["x-amz-request-id"] = id;
        foreach (var (name, value) in fault.Headers)
            context.Response.Headers[name] = value;
        context.Response.ContentType = "application/xml";
        if (context.Request.Method == "HEAD" || status == 304)
            return;
        var body = Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>"
            + $"<Code>{WebUtility.HtmlEncode(fault.Code)}</Code><Message>{WebUtility.HtmlEncode(fault.Message)}</Message><RequestId>{id}</RequestId></Error>");
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, cancellationToken);
    }
}
