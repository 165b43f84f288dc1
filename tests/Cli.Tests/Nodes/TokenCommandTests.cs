using System.Net;
using System.Text.Json;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>Tokens of a node that others reach, made by the command and used against the real process.</summary>
public sealed class TokenCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task A_token_is_shown_once_and_lets_its_owner_in_until_its_line_is_gone()
    {
        var file = dscache.In("tokens");
        await File.WriteAllTextAsync(file, "# the lab's");
        var made = await dscache.RunAsync("token", "new", "rita", "reader", "--file", file, "--json");
        var token = JsonDocument.Parse(made.Out).RootElement.GetProperty("token").GetString()!;
        Assert.DoesNotContain(token, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal(2, File.ReadAllLines(file).Length);
        await using var server = await ServeProcess.StartAsync(dscache, "--origin", dscache.MakeFolder(), "--tokens", file);
        using var client = ServeProcess.Client(dscache);
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/status")).StatusCode);
        var otto = JsonDocument.Parse((await dscache.RunAsync("token", "new", "otto", "operator", "--json")).Out).RootElement;
        await File.WriteAllTextAsync(file, otto.GetProperty("line").GetString());
        while ((await client.GetAsync("/v1/status")).StatusCode != HttpStatusCode.Unauthorized)
            await Task.Delay(100, TestContext.Current.CancellationToken);
        client.DefaultRequestHeaders.Authorization = new("Bearer", otto.GetProperty("token").GetString());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/status")).StatusCode);
    }

    [Theory]
    [InlineData("must be reader or operator", "rita", "owner")]
    [InlineData("The name 'ri/ta'", "ri/ta", "reader")]
    public async Task A_token_for_nothing_is_refused(string said, params string[] arguments)
    {
        var refused = await dscache.RunAsync(["token", "new", .. arguments]);

        Assert.Equal((ExitCode.Usage, ""), (refused.ExitCode, refused.Out));
        Assert.Contains(said, refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_would_let_anybody_in_does_not_start_and_says_why()
    {
        var refused = await dscache.RunAsync("serve", "--listen", "0.0.0.0:0");

        Assert.Equal(ExitCode.Configuration, refused.ExitCode);
        Assert.All(["2 settings are wrong", "whoever reaches it would need no credential", "there is no TLS"], said => Assert.Contains(said, refused.Error, StringComparison.Ordinal));
    }
}
