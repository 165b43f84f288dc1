using System.Net;
using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Access;

/// <summary>What a body asks for beyond its route, and what goes on after a token is gone.</summary>
[Trait("Fault", "25")]
public sealed class RevokedTests
{
    [Fact]
    public async Task A_reader_acquires_and_neither_holds_nor_prefetches()
    {
        using var folder = new TempFolder();
        var (rita, otto) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        ground.Origin.Put("s3://b/a/1.bin", MemoryOrigin.Bytes(1, 100));

        var acquired = await AcquireAsync(rita, "");
        Assert.Equal(HttpStatusCode.OK, acquired.Status);
        foreach (var (more, named) in new[] { (""","hold":60""", "hold"), (""","prefetch":true""", "prefetch"), (""","prefetch":true,"hold":60""", "prefetch") })
        {
            var refused = await AcquireAsync(rita, more);
            Assert.Equal((HttpStatusCode.Forbidden, "forbidden"), (refused.Status, refused.Code));
            Assert.Contains($"{named} is for operators", refused.Text, StringComparison.Ordinal);
        }
        Assert.Equal(HttpStatusCode.OK, (await AcquireAsync(otto, ""","hold":60""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AcquireAsync(ground.NodeToken, ""","prefetch":true""")).Status);
        Assert.Equal(["node.token done", "otto done", "rita forbidden", "rita forbidden", "rita forbidden"],
            (await ground.AuditAsync()).Select(line => $"{line.GetProperty("who").GetString()} {line.GetProperty("outcome").GetString()}"));

        Task<Answered> AcquireAsync(string token, string more)
            => ground.SendAsync("POST", "/v1/acquire", token, $$"""{"dataset":{"origin":"s3://b/a","snapshotId":"s","select":"all"},"wait":5{{more}}}""");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/events", "text/event-stream", false)]
    [InlineData("/events", "text/event-stream", true)]
    [InlineData("", "application/x-ndjson", false)]
    public async Task Who_follows_a_download_is_told_no_more_when_his_token_is_gone_or_he_has_logged_out(string events, string type, bool byCookie)
    {
        using var folder = new TempFolder();
        var (rita, otto) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ground.Origin.Put("s3://b/a/1.bin", MemoryOrigin.Bytes(1, 100));
        ground.Origin.BeforeRead = (_, _, cancel) => new ValueTask(open.Task.WaitAsync(cancel));
        var begun = await ground.SendAsync("POST", "/v1/acquire", otto, """{"dataset":{"origin":"s3://b/a","snapshotId":"s","select":"all"}}""");
        var ticket = JsonElement.Parse(begun.Text).GetProperty("ticket").GetString();
        var cookie = "Cookie: " + await ground.LogInAsync(rita);
        using var client = ground.Client(byCookie ? null : rita);
        client.DefaultRequestHeaders.Accept.ParseAdd(type);
        if (byCookie)
            client.DefaultRequestHeaders.TryAddWithoutValidation("Cookie", cookie["Cookie: ".Length..]);

        using var response = await client.GetAsync($"/v1/acquisitions/{ticket}{events}", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.NotEmpty((await reader.ReadLineAsync(TestContext.Current.CancellationToken))!);
        if (byCookie)
        {
            await ground.SendAsync("POST", "/logout", headers: [cookie, "Sec-Fetch-Site: same-origin"]);
        }
        else
        {
            File.WriteAllText(folder["tokens"], ApiToken.Line("otto", "operator", otto) + "\n");
            ground.Clock.Pass(TimeSpan.FromSeconds(1));
        }
        var rest = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Contains("\"unauthorized\"", rest.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        // What was begun goes on for others.
        open.SetResult();
        Assert.Contains("\"done\"", (await ground.SendAsync("GET", $"/v1/acquisitions/{ticket}?wait=5", otto)).Text, StringComparison.Ordinal);
    }
}
