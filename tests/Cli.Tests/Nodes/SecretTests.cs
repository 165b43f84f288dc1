using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>
/// A daemon with canaries for credentials and a store that fails in every way and says all it was sent: nothing of them is in what the daemon and the command say,
/// serve or write, with every log turned on.
/// </summary>
public sealed class SecretTests : IAsyncLifetime
{
    private static readonly string[] Canaries =
        ["CANARYaccesskey0001", "CANARYsecretkey0002", "CANARYsessiontoken0003", "CANARYclustersecret0004padding", "CANARYdatabasepassword0005", "CANARYbearer0006", "CANARYinaddress0007"];

    private readonly Dscache dscache = new();
    private readonly ConcurrentBag<string> signatures = [];
    private LoopbackServer store = null!;

    public async ValueTask InitializeAsync()
    {
        store = await LoopbackServer.StartAsync(FailAsync);
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["EXTERNAL_STORAGE_ENDPOINT"] = store.Endpoint,
            ["AWS_ACCESS_KEY_ID"] = Canaries[0],
            ["AWS_SECRET_ACCESS_KEY"] = Canaries[1],
            ["AWS_SESSION_TOKEN"] = Canaries[2],
            ["DSCACHE_CLUSTER_SECRET"] = Canaries[3],
            ["DSCACHE_CLUSTER_DATABASE"] = $"Host=db.example;Username=dscache;Password={Canaries[4]}",
            ["DSCACHE_ATTEMPTS"] = "2",
            ["DSCACHE_STALL_TIMEOUT"] = "1s",
            ["Logging__LogLevel__Default"] = "Trace",
            ["Logging__LogLevel__Microsoft.AspNetCore.Hosting.Diagnostics"] = "Trace",
        })
        {
            dscache.Environment[name] = value;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        dscache.Dispose();
    }

    [Fault(27)]
    public async Task No_secret_is_in_anything_that_is_said_served_or_written()
    {
        var fault = new FaultCase(27);
        fault.Guard(dscache.In("theirs"));
        var bearer = ApiToken.New();
        File.WriteAllText(dscache.In("tokens"), ApiToken.Line("rita", "operator", bearer) + "\n");
        var heard = new StringBuilder();
        string nodeToken;
        await using (var server = await ServeProcess.StartAsync(dscache, "--tokens", dscache.In("tokens")))
        {
            using var client = ServeProcess.Client(dscache);
            nodeToken = client.DefaultRequestHeaders.Authorization!.Parameter!;
            client.DefaultRequestHeaders.Authorization = new("Bearer", bearer);
            foreach (var how in Faults)
                heard.AppendLine(await SayAsync(client, HttpMethod.Post, "/v1/acquire", $$"""{"dataset":{"origin":"s3://{{how}}/data"},"wait":5}"""));
            var reads = Faults.Length;
            Assert.True(heard.ToString().Split("\"code\":\"").Length > reads / 2, $"Most should have failed:\n{heard}");
            foreach (var path in new[] { "/v1/status", "/v1/datasets", "/v1/cluster", "/v1/nodes", "/v1/statistics", "/metrics", "/health", "/openapi/v1.json", "/", "/login", "/nowhere", $"/v1/status?token={Canaries[6]}" })
                heard.AppendLine(await SayAsync(client, HttpMethod.Get, path));
            client.DefaultRequestHeaders.Authorization = new("Bearer", Canaries[5]);
            heard.AppendLine(await SayAsync(client, HttpMethod.Get, "/v1/status"));
            client.DefaultRequestHeaders.Authorization = null;
            heard.AppendLine(await SayAsync(client, HttpMethod.Post, "/login", $$"""{"token":"{{Canaries[5]}}"}"""));
            heard.AppendLine(await SayAsync(client, HttpMethod.Post, "/login", $$"""{"token":"{{nodeToken}}"}"""));
            heard.AppendLine(await File.ReadAllTextAsync($"/proc/{server.Id}/cmdline"));
            // Through the node, and beside it.
            heard.AppendLine(Of(await dscache.GetAsync("s3://denied/data", "--progress", "plain")));
            server.Signal(15);
            Assert.Equal(0, await server.ExitAsync());
            heard.AppendLine(server.Said);
        }
        foreach (var arguments in new string[][]
        {
            ["get", "s3://denied/data", "--into", dscache.JobDirectory], ["get", "s3://broken/data", "--into", dscache.JobDirectory, "--json"], ["doctor", "--origin", "s3://denied/data"],
            ["config"], ["config", "show", "--json"], ["config", "get", "origin.secretKey"], ["config", "get", "cluster.database"], ["status"],
        })
        {
            heard.AppendLine(Of(await dscache.RunAsync(arguments)));
        }
        var settings = heard.ToString().IndexOf("SETTING ", StringComparison.Ordinal);
        var withoutSettings = heard.ToString()[..settings];
        foreach (var file in Directory.EnumerateFiles(dscache.In("cache"), "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != NodeToken.FileName))
            heard.AppendLine(Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)));

        // What went out was signed, and said back; the daemon did say what failed.
        Assert.NotEmpty(signatures);
        Assert.Contains("s3://denied/", heard.ToString(), StringComparison.Ordinal);
        // Whose key is used is for a person to see: in the settings, and nowhere else.
        Assert.DoesNotContain(Canaries[0], withoutSettings, StringComparison.OrdinalIgnoreCase);
        var said = heard.ToString();
        foreach (var secret in Canaries.Skip(1).Concat(signatures).Append(bearer).Append(nodeToken))
            Assert.False(said.Contains(secret, StringComparison.OrdinalIgnoreCase), $"'{secret}' is in: {Around(said, secret)}");
        foreach (var sign in new[] { "X-Amz-Signature=", "X-Amz-Security-Token=", "Signature=" })
            Assert.False(said.Contains(sign, StringComparison.OrdinalIgnoreCase), Around(said, sign));
        fault.Fired(signatures.Count);
        fault.Worst(0, "secrets found");
        var folder = dscache.MakeFolder();
        var healthy = await fault.HealsAsync(() => dscache.GetAsync(folder));
        fault.HandedOut(healthy.Out.Trim(), [KeyValuePair.Create("a.txt", "alpha"u8.ToArray()), KeyValuePair.Create("b.bin", "beta"u8.ToArray())]);
        using (var again = JsonDocument.Parse((await dscache.GetAsync(folder, "--json", "-q")).Out))
            fault.ReadOnce(again.RootElement.GetProperty("bytesFromOrigin").GetInt64());
        Assert.Equal(0, (await dscache.RunAsync("prune", "--orphaned", "-y")).ExitCode);
        fault.NoOrphans(dscache.In("cache"));
        fault.End();
    }

    private static string[] Faults => ["denied", "broken", "throttled", "lists-then-denies", "lists-then-breaks-off", "lists-then-sends-elsewhere", "lists-then-lies", "hangs-up", "not-xml"];

    private static string Of(Result result) => $"{result.Out}\n{result.Error}";

    private static string Around(string text, string word)
    {
        var at = text.IndexOf(word, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? "" : text[Math.Max(0, at - 200)..Math.Min(text.Length, at + 200)];
    }

    private static async Task<string> SayAsync(HttpClient client, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await client.SendAsync(request);
        // The cookie is for him who logged in.
        return $"{method} {response.StatusCode} {string.Join('\n', response.Headers.Where(header => header.Key != "Set-Cookie").SelectMany(header => header.Value))}\n{await response.Content.ReadAsStringAsync()}";
    }

    // The bucket's name is what goes wrong; every answer that can says all that was sent.
    private async Task FailAsync(HttpContext context, CancellationToken cancellationToken)
    {
        // Of credentials a store knows those of its own.
        var all = $"{context.Request.GetEncodedUrl()} {string.Join(' ', context.Request.Headers.Select(header => $"{header.Key}={header.Value}"))} {string.Join(' ', Canaries.Take(3))}";
        foreach (var part in all.Split(' ', '&', '?', ',').Where(part => part.Contains("Signature=", StringComparison.Ordinal)))
            signatures.Add(part[(part.LastIndexOf('=') + 1)..]);
        var bucket = context.Request.Path.Value!.Split('/')[1];
        var isListing = context.Request.Query.ContainsKey("list-type");
        switch (bucket)
        {
            case "hangs-up":
                context.Abort();
                return;
            case "not-xml":
                await AnswerAsync(500, all);
                return;
            case "denied":
                await AnswerAsync(403, Xml("SignatureDoesNotMatch"));
                return;
            case "broken":
                await AnswerAsync(500, Xml("InternalError"));
                return;
            case "throttled":
                await AnswerAsync(503, Xml("SlowDown"));
                return;
        }
        if (isListing)
        {
            await AnswerAsync(200, """<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount><Contents><Key>data/a.txt</Key><Size>5</Size><ETag>"e"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>""");
            return;
        }
        switch (bucket)
        {
            case "lists-then-denies":
                await AnswerAsync(403, Xml("AccessDenied"));
                return;
            case "lists-then-breaks-off":
                context.Response.Headers.ETag = "\"e\"";
                context.Response.ContentLength = 5;
                await context.Response.WriteAsync("a", cancellationToken);
                await context.Response.Body.FlushAsync(cancellationToken);
                context.Abort();
                return;
            case "lists-then-sends-elsewhere":
                context.Response.Headers.Location = context.Request.GetEncodedUrl();
                await AnswerAsync(307, Xml("TemporaryRedirect"));
                return;
            default:
                context.Response.Headers.ETag = $"\"{Canaries[1]}\"";
                await AnswerAsync(200, all);
                return;
        }

        string Xml(string code) => $"<Error><Code>{code}</Code><Message>{WebUtility.HtmlEncode(all)}</Message><StringToSign>{WebUtility.HtmlEncode(all)}</StringToSign><Region>{Canaries[1]}</Region></Error>";

        Task AnswerAsync(int status, string text)
        {
            context.Response.StatusCode = status;
            context.Response.Headers["x-amz-request-id"] = "CANARYrequest";
            return context.Response.WriteAsync(text, cancellationToken);
        }
    }
}
