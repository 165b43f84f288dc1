using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>The one-host daemon as a real process.</summary>
public sealed class ServeTests : IDisposable
{
    private const int Terminate = 15;

    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task A_daemon_serves_its_host_and_ends_in_peace_when_it_is_told_to()
    {
        var source = dscache.MakeFolder();
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(dscache.In("notify")));
        dscache.Environment["NOTIFY_SOCKET"] = dscache.In("notify");
        await using var server = await ServeProcess.StartAsync(dscache, "--origin", source, "--urls", "http://127.0.0.1:0");
        var told = new byte[1000];
        Assert.StartsWith("READY=1\n", Encoding.UTF8.GetString(told, 0, systemd.Receive(told)), StringComparison.Ordinal);

        Assert.Equal((0, "miss"), await GetAsync(source));
        Assert.Equal((0, "hit"), await GetAsync(source));
        // The command became the server: it is the process that was started, which systemd and a shell know.
        Assert.Equal(server.Id, NodeLock.Find(dscache.In("cache"))!.ProcessId);
        using (var client = ServeProcess.Client(dscache))
            Assert.Contains("\"entries\":1", await client.GetStringAsync("/v1/status"), StringComparison.Ordinal);

        server.Signal(Terminate);
        Assert.Equal(0, await server.ExitAsync());
        Assert.StartsWith("STOPPING=1", Encoding.UTF8.GetString(told, 0, systemd.Receive(told)), StringComparison.Ordinal);
        Assert.Contains("has stopped", server.Said, StringComparison.Ordinal);
        Assert.Null(NodeLock.Find(dscache.In("cache")));
        Assert.Equal((0, "hit"), await GetAsync(source));
    }

    [Fact]
    public async Task A_lease_outlives_the_daemon_that_gave_it()
    {
        var source = dscache.MakeFolder();
        await using (var first = await ServeProcess.StartAsync(dscache, "--origin", source))
        {
            using var client = ServeProcess.Client(dscache);
            using var got = await client.PostAsync("/v1/acquire", new StringContent($$"""{"dataset":{"origin":"{{source}}"},"wait":5}"""));
            Assert.Equal(HttpStatusCode.OK, got.StatusCode);
            first.Signal(Terminate);
            Assert.Equal(0, await first.ExitAsync());
        }
        await using var second = await ServeProcess.StartAsync(dscache, "--origin", source);
        using var again = ServeProcess.Client(dscache);

        Assert.Contains("\"leases\":1", await again.GetStringAsync("/v1/status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_that_are_wrong_are_all_named_at_once_before_anything_is_made()
    {
        dscache.Environment["DSCACHE_MAX_SIZE"] = "plenty";
        dscache.Environment["DSCACHE_NODE_LEASE_TTL"] = "soon";
        var refused = await dscache.RunAsync("serve", "--concurrency", "0", "--node-id", "a b", "--listen", "nowhere");

        Assert.Equal(ExitCode.Configuration, refused.ExitCode);
        Assert.All(["5 settings are wrong", "cache.maxSize is 'plenty'", "transfer.concurrency is '0'", "node.id is 'a b'", "node.leaseTtl is 'soon'", "api.listen is 'nowhere'"],
            said => Assert.Contains(said, refused.Error, StringComparison.Ordinal));
        Assert.False(Directory.Exists(dscache.In("cache")));
    }

    [Fact]
    public async Task A_port_that_somebody_has_and_a_root_that_a_node_has_are_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var refused = await dscache.RunAsync("serve", "--api-port", $"{((IPEndPoint)taken.LocalEndpoint).Port}");

        Assert.Equal(ExitCode.Configuration, refused.ExitCode);
        Assert.Contains($"cannot listen on {taken.LocalEndpoint} (api.port)", refused.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("serve", "--silo-port", "1")).ExitCode);
    }

    private async Task<(int, string)> GetAsync(string source)
    {
        var got = await dscache.GetAsync(source, "--json");
        return (got.ExitCode, System.Text.Json.JsonDocument.Parse(got.Out).RootElement.GetProperty("outcome").GetString()!);
    }
}
