using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Silo.Tests;

[Collection(Machine.Name)]
public sealed class SiloTests : IDisposable
{
    private const int Terminate = 15;
    private readonly TempFolder folder = new();

    // The same when a node comes back: by its address the cluster knows that the one before is gone.
    private readonly Dictionary<string, (string Silo, string Gateway)> ports = new(StringComparer.Ordinal);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Two_nodes_that_make_the_schema_at_once_find_each_other_and_a_stop_takes_less_than_ten_seconds()
    {
        await using var first = await NodeAsync("n1");
        await using var second = await NodeAsync("n2");
        using var api = await first.ReadyAsync();
        using var other = await second.ReadyAsync();

        Assert.Equal("n1", await NodeNameAsync(api));
        Assert.Equal("n2", await NodeNameAsync(other));
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await first.ExitAsync(Terminate));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}\n{first.Said}");
        Assert.Equal(0, await second.ExitAsync(Terminate));
        Assert.DoesNotContain("Unhandled", first.Said + second.Said, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "12")]
    public async Task A_lease_outlives_a_node_that_is_killed()
    {
        Directory.CreateDirectory(folder["data/datasets/d"]);
        await File.WriteAllBytesAsync(folder["data/datasets/d/a.bin"], new byte[2_000_000], TestContext.Current.CancellationToken);
        string lease;
        await using (var node = await NodeAsync("n1"))
        {
            using var api = await node.ReadyAsync();
            lease = (await GetAsync(api)).GetProperty("lease").GetProperty("id").GetString()!;
            node.Kill();
            await node.ExitAsync();
        }

        await using var again = await NodeAsync("n1");
        using var client = await again.ReadyAsync();
        using var renewed = await client.PostAsync($"/v1/leases/{lease}/renew", content: null, TestContext.Current.CancellationToken);

        Assert.True(renewed.IsSuccessStatusCode, again.Said);
    }

    [Theory]
    [InlineData("cluster.network", "--cluster-network", "0.0.0.0/0")]
    [InlineData("203.0.113.0/24", "--cluster-network", "203.0.113.0/24")]
    [InlineData("no cluster.network is declared", "--cluster-address", "203.0.113.7")]
    [InlineData("cluster.siloPort is 'x'", "--silo-port", "x")]
    [InlineData("node.id is 'a b'", "--node-id", "a b")]
    public async Task What_cannot_be_is_refused_with_words_before_anything_listens(string words, string flag, string value)
    {
        await using var silo = SiloProcess.Start(folder["root"], new Dictionary<string, string>(StringComparer.Ordinal), flag, value);

        Assert.Equal(78, await silo.ExitAsync());
        Assert.Contains(words, silo.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_without_a_secret_is_refused()
    {
        await using var silo = SiloProcess.Start(folder["root"], new Dictionary<string, string>(StringComparer.Ordinal) { ["DSCACHE_CLUSTER_DATABASE"] = "Host=127.0.0.1;Password=hunter2" });

        Assert.Equal(78, await silo.ExitAsync());
        Assert.Contains("DSCACHE_CLUSTER_SECRET", silo.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", silo.Said, StringComparison.Ordinal);
    }

    [Fault(25)]
    public async Task A_node_with_another_secret_than_the_cluster_s_is_refused_before_it_joins()
    {
        var fault = new FaultCase(25);
        Directory.CreateDirectory(folder["data/datasets/d"]);
        var content = MemoryOrigin.Bytes(1, 2_000_000);
        await File.WriteAllBytesAsync(folder["data/datasets/d/a.bin"], content, TestContext.Current.CancellationToken);
        await using var first = await NodeAsync("n1");
        using var api = await first.ReadyAsync();
        fault.Guard(folder["theirs"]);

        await using var other = await NodeAsync("n2", secret: new string('x', 40));

        Assert.Equal(78, await other.ExitAsync());
        Assert.Contains("have another secret (cluster.secret)", other.Said, StringComparison.Ordinal);
        fault.Fired();
        Assert.Equal("n1", await fault.HealsAsync(() => NodeNameAsync(api)));
        // The first one goes on as if nothing had been.
        fault.HandedOut((await GetAsync(api)).GetProperty("snapshotPath").GetString()!, [KeyValuePair.Create("a.bin", content)]);
        fault.ReadOnce((await GetAsync(api)).GetProperty("bytesFromOrigin").GetInt64());
        Assert.Equal(0, await first.ExitAsync(Terminate));
        fault.NoOrphans(folder["n1"]);
        fault.End();
    }

    [Fact]
    public async Task A_port_that_is_taken_and_a_database_that_is_not_there_are_said_in_words()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, flag) in new[] { ("api.port", "--api-port"), ("cluster.siloPort", "--silo-port"), ("cluster.gatewayPort", "--gateway-port"), ("cluster.dataPort", "--data-port") })
        {
            var ports = new Dictionary<string, string>(StringComparer.Ordinal) { ["--api-port"] = "0", ["--silo-port"] = Port(), ["--gateway-port"] = Port(), ["--data-port"] = "0", [flag] = port };
            await using var silo = SiloProcess.Start(folder["root"], settings, [.. ports.SelectMany(pair => new[] { pair.Key, pair.Value })]);
            Assert.Equal((name, 78), (name, await silo.ExitAsync()));
            Assert.Contains($"annot listen on 127.0.0.1:{port}", silo.Said, StringComparison.Ordinal);
        }

        settings["DSCACHE_CLUSTER_DATABASE"] = $"Host=127.0.0.1;Port={Port()};Database=d;Username=u";
        settings["DSCACHE_CLUSTER_SECRET"] = new string('x', 40);
        await using var alone = SiloProcess.Start(folder["root"], settings);
        Assert.Equal(78, await alone.ExitAsync());
        Assert.Contains("(cluster.database) cannot be used", alone.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", alone.Said, StringComparison.Ordinal);
    }

    private async Task<SiloProcess> NodeAsync(string node, string secret = "0123456789abcdef0123456789abcdef0123456789abcdef")
    {
        ports.TryAdd(node, (Port(), Port()));
        return SiloProcess.Start(folder[node],
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DSCACHE_CLUSTER_DATABASE"] = await PostgresServer.ConnectionStringAsync(),
            ["DSCACHE_CLUSTER_SECRET"] = secret,
            ["DSCACHE_ORIGIN"] = folder["data"],
        },
        "--node-id", node, "--cluster-id", Path.GetFileName(folder.Path), "--api-port", "0", "--data-port", "0", "--silo-port", ports[node].Silo, "--gateway-port", ports[node].Gateway);
    }

    private static async Task<JsonElement> GetAsync(HttpClient api)
    {
        using var answer = await api.PostAsync("/v1/acquire", Json("""{"dataset":{"datasetId":"d","snapshotId":"s1"},"wait":20}"""), TestContext.Current.CancellationToken);
        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return document.RootElement.GetProperty("dataset").Clone();
    }

    private static string Port() => PostgresServer.FreePort().ToString(CultureInfo.InvariantCulture);

    private static async Task<string?> NodeNameAsync(HttpClient api)
    {
        using var status = JsonDocument.Parse(await api.GetStringAsync("/v1/status", TestContext.Current.CancellationToken));
        return status.RootElement.GetProperty("node").GetString();
    }

    private static StringContent Json(string text) => new(text, System.Text.Encoding.UTF8, "application/json");
}
