using System.Net;
using System.Text;
using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>The node's local HTTP API as any language uses it.</summary>
public sealed class NodeApiTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private readonly MemoryOrigin origin = new();
    private readonly TaskCompletionSource open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TestNode node = null!;
    private HttpClient client = null!;

    public async ValueTask InitializeAsync()
    {
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        origin.BeforeRead = async (_, _, cancel) => await open.Task.WaitAsync(cancel);
        node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin);
        client = node.Client();
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await node.DisposeAsync();
        folder.Dispose();
    }

    private const string Photos = """{"dataset":{"origin":"s3://bucket/photos","snapshotId":"snap_1"},"jobId":"91","wait":0}""";

    private async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    [Fact]
    public async Task A_miss_is_a_ticket_that_is_followed_to_a_lease_which_is_renewed_and_let_go()
    {
        var asked = await SendAsync(HttpMethod.Post, "/v1/acquire", Photos);
        var ticket = asked.Body.GetProperty("ticket").GetString();
        open.SetResult();
        var done = await SendAsync(HttpMethod.Get, $"/v1/acquisitions/{ticket}?wait=5");
        while (done.Body.GetProperty("state").GetString() == "running")
            done = await SendAsync(HttpMethod.Get, $"/v1/acquisitions/{ticket}?wait=5");

        Assert.Equal((HttpStatusCode.Accepted, "running"), (asked.Status, asked.Body.GetProperty("state").GetString()));
        var dataset = done.Body.GetProperty("dataset");
        Assert.Equal(("miss", 1, 5), (dataset.GetProperty("outcome").GetString(), dataset.GetProperty("files").GetInt32(), dataset.GetProperty("bytesFromOrigin").GetInt32()));
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(dataset.GetProperty("snapshotPath").GetString()!, "a.txt")));
        var lease = "/v1/leases/" + dataset.GetProperty("lease").GetProperty("id").GetString();
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Post, lease + "/renew")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, lease)).Status);
        var gone = await SendAsync(HttpMethod.Post, lease + "/renew");
        Assert.Equal((HttpStatusCode.NotFound, "unknownLease"), (gone.Status, gone.Body.GetProperty("code").GetString()));
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Post, "/v1/acquire", Photos)).Status);
    }

    [Fact]
    public async Task A_stream_says_how_far_it_is_line_by_line_and_ends_with_the_outcome()
    {
        var ticket = (await SendAsync(HttpMethod.Post, "/v1/acquire", Photos)).Body.GetProperty("ticket").GetString();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/acquisitions/" + ticket);
        request.Headers.Accept.ParseAdd("application/x-ndjson");
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var first = JsonDocument.Parse((await reader.ReadLineAsync())!).RootElement;
        open.SetResult();
        var last = first;
        while (await reader.ReadLineAsync() is { } line)
            last = JsonDocument.Parse(line).RootElement;

        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(("running", "done"), (first.GetProperty("state").GetString(), last.GetProperty("state").GetString()));
        Assert.Equal(5, last.GetProperty("dataset").GetProperty("bytes").GetInt32());
    }

    [Fact(Timeout = 30_000)]
    public async Task What_is_given_up_is_given_up()
    {
        var ticket = (await SendAsync(HttpMethod.Post, "/v1/acquire", Photos)).Body.GetProperty("ticket").GetString();
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/acquisitions/" + ticket)).Status);
        var unknown = await SendAsync(HttpMethod.Get, "/v1/acquisitions/never");
        Assert.Equal((HttpStatusCode.NotFound, "unknownTicket"), (unknown.Status, unknown.Body.GetProperty("code").GetString()));
        // It is told at once and ends as soon as what it waits for has noticed.
        while (node.Service.Status().Working.Count > 0)
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_failure_is_a_problem_with_code_words_advice_and_whether_it_passes()
    {
        var missing = await SendAsync(HttpMethod.Post, "/v1/acquire", """{"dataset":{"origin":"s3://bucket/none","snapshotId":"snap_1"},"wait":5}""");

        Assert.Equal((HttpStatusCode.NotFound, "notFound", false), (missing.Status, missing.Body.GetProperty("code").GetString(), missing.Body.GetProperty("isTransient").GetBoolean()));
        Assert.Equal(missing.Body.GetProperty("message").GetString(), missing.Body.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"dataset":{"select":"some"}}""")]
    [InlineData("""{"dataset":{"origin":"ftp://x"}}""")]
    [InlineData("""{"dataset":{"origin":"s3://b/p"},"hold":-1}""")]
    public async Task A_body_that_makes_no_sense_is_refused_with_words(string body)
    {
        var refused = await SendAsync(HttpMethod.Post, "/v1/acquire", body);

        Assert.Equal((HttpStatusCode.BadRequest, "invalidArgument"), (refused.Status, refused.Body.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_body_without_end_is_not_read_to_its_end()
    {
        var refused = await SendAsync(HttpMethod.Post, "/v1/acquire", new string(' ', 300_000) + Photos);

        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("/origin/../etc")]
    [InlineData("/originals")]
    [InlineData("etc")]
    public async Task A_folder_of_the_node_is_not_read_for_others(string place)
    {
        var refused = await SendAsync(HttpMethod.Post, "/v1/acquire", JsonSerializer.Serialize(new { dataset = new { origin = place } }));

        Assert.Equal((HttpStatusCode.Forbidden, "foreignFolder"), (refused.Status, refused.Body.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_caller_who_is_set_to_another_store_is_told_so()
    {
        var refused = await SendAsync(HttpMethod.Post, "/v1/acquire", """{"dataset":{"origin":"s3://bucket/photos"},"endpoint":"https://elsewhere.example"}""");

        Assert.Equal("configuration", refused.Body.GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_link_that_the_node_does_not_see_is_not_registered()
    {
        open.SetResult();
        var dataset = (await SendAsync(HttpMethod.Post, "/v1/acquire", Photos.Replace("\"wait\":0", "\"wait\":5", StringComparison.Ordinal))).Body.GetProperty("dataset");
        var lease = dataset.GetProperty("lease").GetProperty("id").GetString();
        var link = folder["job/dataset"];
        async Task<JsonElement> RegisterAsync() => (await SendAsync(HttpMethod.Post, "/v1/links", JsonSerializer.Serialize(new { link, mode = "symlink", lease }))).Body;

        Assert.Equal("notSeen", (await RegisterAsync()).GetProperty("outcome").GetString());
        folder.CreateDirectory("job");
        File.CreateSymbolicLink(link, "/etc");
        Assert.Equal("notSeen", (await RegisterAsync()).GetProperty("outcome").GetString());
        File.Delete(link);
        File.CreateSymbolicLink(link, dataset.GetProperty("snapshotPath").GetString()!);
        Assert.Equal("registered", (await RegisterAsync()).GetProperty("outcome").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/links?link=" + Uri.EscapeDataString(link))).Status);
    }

    [Theory]
    [Trait("Fault", "25")]
    [InlineData("POST", "/v1/acquire")]
    [InlineData("GET", "/v1/acquisitions/x")]
    [InlineData("DELETE", "/v1/acquisitions/x")]
    [InlineData("POST", "/v1/leases/x/renew")]
    [InlineData("DELETE", "/v1/leases/x")]
    [InlineData("POST", "/v1/links")]
    [InlineData("DELETE", "/v1/links")]
    [InlineData("GET", "/v1/status")]
    public async Task No_route_answers_without_the_token_or_under_a_foreign_name(string method, string path)
    {
        foreach (var token in new[] { null, "", new string('0', 64), "ü", File.ReadAllText(node.Token.Path) + "0" })
        {
            client.DefaultRequestHeaders.Remove("Authorization");
            if (token is not null)
                client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer " + token);
            var refused = await TrySendAsync(client, method, path);
            Assert.True(refused is HttpStatusCode.Unauthorized or HttpStatusCode.BadRequest || token == "ü", $"{token}: {refused}");
            Assert.NotEqual(HttpStatusCode.OK, refused);
        }
        using var right = node.Client();
        foreach (var host in new[] { "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "192.168.0.1" })
        {
            right.DefaultRequestHeaders.Host = host;
            Assert.Equal(HttpStatusCode.MisdirectedRequest, await TrySendAsync(right, method, path));
        }
    }

    // Null where the request could not even be sent.
    private static async Task<HttpStatusCode?> TrySendAsync(HttpClient from, string method, string path)
    {
        try
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var response = await from.SendAsync(request);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    [Fact]
    public void The_token_is_for_the_node_s_user_and_for_the_group_where_the_root_is_a_group_s()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(node.Token.Path));
        var shared = folder.CreateDirectory("shared");
        File.SetUnixFileMode(shared, (UnixFileMode)0x5FD);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(NodeToken.Create(shared).Path));
        Assert.NotEqual(NodeToken.Read(NodeToken.Create(shared).Path), NodeToken.Read(node.Token.Path));
    }
}
