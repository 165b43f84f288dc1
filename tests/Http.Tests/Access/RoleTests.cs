using System.Net;
using DatasetCache.Http.Access;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Access;

[Trait("Fault", "25")]
public sealed class RoleTests
{
    [Fact]
    public async Task Each_role_may_do_what_it_may_and_no_more()
    {
        using var folder = new TempFolder();
        var (reader, @operator) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        foreach (var (token, read, operate) in new[] { (null, 401, 401), ("", 401, 401), (reader, 200, 403), (@operator, 200, 200), (ground.NodeToken, 200, 200), (reader + "0", 401, 401), (reader[..^1], 401, 401) })
        {
            Assert.Equal((200, read, read, read == 401 ? 401 : 404, operate, operate), (await StatusAsync("GET", "/t/anyone"), await StatusAsync("GET", "/t/read"), await StatusAsync("POST", "/t/acquire"),
                await StatusAsync("GET", "/nowhere"), await StatusAsync("GET", "/t/operator"), await StatusAsync("POST", "/t/operate/x")));
            Assert.Equal(200, await StatusAsync("GET", "/t/group/open"));

            async Task<int> StatusAsync(string method, string path) => (int)(await ground.SendAsync(method, path, token)).Status;
        }
        var refused = await ground.SendAsync("POST", "/t/operate/x", reader);
        Assert.Equal("forbidden", refused.Code);
        Assert.Contains("is for operators", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_for_its_own_host_alone_answers_nobody_else_whatever_he_has()
    {
        await using var ground = await AccessGround.StartAsync();

        Assert.Equal("wrongHost", (await ground.SendAsync("GET", "/t/anyone", ground.NodeToken, headers: "From: 10.1.0.9")).Code);
        Assert.Equal("wrongHost", (await ground.SendAsync("GET", "/t/read", ground.NodeToken, headers: "At: 10.1.0.7")).Code);
        Assert.Equal("wrongHost", (await ground.SendAsync("GET", "/login", headers: "Host: evil.example")).Code);
    }

    [Fact]
    public async Task Who_comes_from_another_host_needs_a_token_of_the_file_and_the_node_s_own_is_none()
    {
        using var folder = new TempFolder();
        var reader = AccessGround.AddToken(folder, "rita", "reader");
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"], Open = new IPEndPoint(IPAddress.Parse("10.1.0.7"), 0) });
        string[] elsewhere = ["From: 10.1.0.9", "At: 10.1.0.7", "Host: node.example"];

        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", reader, headers: elsewhere)).Status);
        Assert.Equal("unauthorized", (await ground.SendAsync("GET", "/t/read", ground.NodeToken, headers: elsewhere)).Code);
        Assert.Equal("wrongHost", (await ground.SendAsync("GET", "/t/read", reader, headers: ["From: 10.1.0.9", "At: 10.2.0.7"])).Code);
        // A browser that logged in on the host with the node's token is not followed anywhere else, either.
        var cookie = await ground.LogInAsync(ground.NodeToken);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + cookie)).Status);
        Assert.Equal("unauthorized", (await ground.SendAsync("GET", "/t/read", headers: [.. elsewhere, "Cookie: " + cookie])).Code);
    }

    [Fact]
    public async Task What_is_served_runs_nothing_in_a_browser_and_is_framed_by_nobody()
    {
        await using var ground = await AccessGround.StartAsync();
        var status = await ground.SendAsync("GET", "/v1/status", ground.NodeToken);

        Assert.Equal(("nosniff", "DENY", "same-origin", "default-src 'none'; sandbox"), (status.Headers["X-Content-Type-Options"], status.Headers["X-Frame-Options"], status.Headers["Referrer-Policy"], status.Headers["Content-Security-Policy"]));
    }
}
