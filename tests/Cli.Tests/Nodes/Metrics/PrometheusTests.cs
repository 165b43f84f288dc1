using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Metrics;

/// <summary>Prometheus itself, as Debian packages it.</summary>
public sealed class PrometheusTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private readonly MemoryOrigin origin = new();
    private TestNode node = null!;
    private HttpClient client = null!;

    public async ValueTask InitializeAsync()
    {
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin);
        client = node.Client();
        await using var lease = await node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_1" } });
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await node.DisposeAsync();
        folder.Dispose();
    }

    private static Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
    })!;

    [Fact(Timeout = 60_000)]
    public async Task Promtool_has_nothing_to_say_against_the_metrics()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/promtool"), "promtool (Debian's prometheus) is not installed");
        // So that the API's own histogram is among them.
        using var status = await client.GetAsync("/v1/status");
        using var promtool = Start("/usr/bin/promtool", "check", "metrics");
        await promtool.StandardInput.WriteAsync((await Scrape.OfAsync(client)).Text);
        promtool.StandardInput.Close();
        var said = await promtool.StandardError.ReadToEndAsync() + await promtool.StandardOutput.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        Assert.Equal((0, ""), (promtool.ExitCode, said));
    }

    [Fact(Timeout = 120_000)]
    public async Task Prometheus_scrapes_a_node_with_its_token()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/prometheus"), "prometheus (Debian's) is not installed");
        var config = folder.Write("prometheus.yml", $"""
            global:
              scrape_interval: 1s
              scrape_timeout: 1s
            scrape_configs:
              - job_name: dscache
                authorization:
                  credentials_file: {node.Token.Path}
                static_configs:
                  - targets: ['{node.Url.Authority}']
            """);
        var port = FreePort();
        using var prometheus = Start("/usr/bin/prometheus", "--config.file=" + config, "--storage.tsdb.path=" + folder["tsdb"], string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{port}"), "--log.level=error");
        try
        {
            using var web = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")) };
            JsonElement result;
            do
            {
                Assert.False(prometheus.HasExited, prometheus.HasExited ? await prometheus.StandardError.ReadToEndAsync() : "");
                // Ends with the test's time, so that Prometheus does.
                await Task.Delay(200, TestContext.Current.CancellationToken);
                result = await QueryAsync(web, "dataset_cache_miss_total");
            }
            while (result.ValueKind != JsonValueKind.Array || result.GetArrayLength() == 0);
            Assert.Equal("1", result[0].GetProperty("value")[1].GetString());
            Assert.Equal("dscache", result[0].GetProperty("metric").GetProperty("job").GetString());
            Assert.Equal(1, (await QueryAsync(web, "up == 1")).GetArrayLength());
            Assert.Equal(1, (await QueryAsync(web, "histogram_quantile(0.5, dataset_download_duration_seconds_bucket) > 0")).GetArrayLength());
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
        }
    }

    private static async Task<JsonElement> QueryAsync(HttpClient web, string query)
    {
        try
        {
            using var answer = await web.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(query));
            return answer.IsSuccessStatusCode ? JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("data").GetProperty("result") : default;
        }
        catch (HttpRequestException)
        {
            return default;
        }
    }

    // It takes no port of the kernel's choice that it would tell.
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
