using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using DatasetCache.Http.Access;
using DatasetCache.Http.Tests.Access;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Pages;

/// <summary>What a browser gets of the pages before any script runs.</summary>
public sealed partial class PageTests
{
    [Theory]
    [InlineData("/", "Cluster", "cluster.js", "matrix.js")]
    [InlineData("/ui/dataset?key=a", "Dataset", "dataset.js", "format.js")]
    public async Task A_page_names_every_file_that_it_needs_and_each_is_there(string path, string title, params string[] needed)
    {
        await using var ground = await AccessGround.StartAsync();
        var page = await ground.SendAsync("GET", path, ground.NodeToken);

        Assert.Contains($"<title>{title} · DatasetCache</title>", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain('{', page.Text);
        var files = File().Matches(page.Text).Select(match => match.Groups["file"].Value).ToArray();
        Assert.Subset(files.ToHashSet(StringComparer.Ordinal), needed.Select(name => "/ui/" + name).ToHashSet(StringComparer.Ordinal));
        foreach (var file in files)
            Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", file, ground.NodeToken)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await ground.SendAsync("GET", "/ui/frame.html", ground.NodeToken)).Status);
    }

    [Fact]
    public async Task A_page_runs_nothing_that_is_not_the_node_s_and_comes_once()
    {
        await using var ground = await AccessGround.StartAsync();
        var page = await ground.SendAsync("GET", "/", ground.NodeToken);

        var policy = page.Headers["Content-Security-Policy"];
        Assert.All(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"], part => Assert.Contains(part, policy, StringComparison.Ordinal));
        Assert.Equal("nosniff", page.Headers["X-Content-Type-Options"]);
        var again = await ground.SendAsync("GET", "/", ground.NodeToken, headers: "If-None-Match: " + page.Headers["ETag"]);
        Assert.Equal((HttpStatusCode.NotModified, ""), (again.Status, again.Text));
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/", ground.NodeToken, headers: "If-None-Match: \"other\"")).Status);
    }

    [Fact]
    public async Task The_dashboard_is_shown_to_operators()
    {
        using var folder = new TempFolder();
        var (rita, otto) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });

        Assert.Equal((false, false), await SessionAsync(rita));
        Assert.Equal((true, true), await SessionAsync(otto));

        async Task<(bool, bool)> SessionAsync(string token)
        {
            var session = JsonElement.Parse((await ground.SendAsync("GET", "/ui/session", token)).Text);
            return (session.GetProperty("hasDashboard").GetBoolean(), session.GetProperty("canOperate").GetBoolean());
        }
    }

    [GeneratedRegex("(href|src)=\"(?<file>/ui/[a-z.]+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex File();
}
