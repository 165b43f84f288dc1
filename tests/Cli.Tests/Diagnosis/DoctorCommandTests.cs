using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Diagnosis;

public sealed class DoctorCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task A_healthy_host_passes_every_check_and_nothing_is_left_behind()
    {
        dscache.Environment["DSCACHE_ORIGIN"] = dscache.MakeOrigin("ds_1");

        var (exitCode, checks) = await CheckAsync();

        Assert.Equal(0, exitCode);
        Assert.All(["settings", "listing", "reading", "cache root", "rename", "hard links", "locks"], check => Assert.Equal("ok", checks[check].Verdict));
        Assert.Empty(Directory.GetFileSystemEntries(dscache.In("cache")));
    }

    [Fact]
    public async Task Text_has_a_line_for_every_check_and_says_what_to_do()
    {
        var result = await dscache.RunAsync("doctor");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("\nok    cache root ", result.Out, StringComparison.Ordinal);
        Assert.Matches(@"\nwarn  origin .*\n +-> Set DSCACHE_ORIGIN", result.Out);
    }

    [Fact]
    public async Task A_cache_root_that_cannot_be_made_fails_with_the_code_of_the_disk()
    {
        dscache.MakeFolder();
        dscache.Environment["DSCACHE_ROOT"] = dscache.In("photos/a.txt/cache");

        var (exitCode, checks) = await CheckAsync();

        Assert.Equal(ExitCode.Storage, exitCode);
        Assert.Equal("fail", checks["cache root"].Verdict);
        Assert.Contains("a.txt", checks["cache root"].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Broken_settings_are_the_first_finding()
    {
        dscache.Environment["DSCACHE_CONCURRENCY"] = "many";

        var result = await dscache.RunAsync("doctor");

        Assert.Equal(ExitCode.Configuration, result.ExitCode);
        Assert.StartsWith("fail  settings", result.Out, StringComparison.Ordinal);
        Assert.Contains("DSCACHE_CONCURRENCY", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_where_nobody_listens_is_named()
    {
        // Bound and closed again: the kernel refuses connections to it.
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var endpoint = $"http://{closed.LocalEndpoint}";
        closed.Stop();
        PointAt(endpoint);

        var (exitCode, checks) = await CheckAsync();

        Assert.Equal(ExitCode.OriginUnreachable, exitCode);
        Assert.Contains(endpoint, checks["endpoint"].Detail, StringComparison.Ordinal);
        Assert.Contains("EXTERNAL_STORAGE_ENDPOINT", checks["endpoint"].Advice, StringComparison.Ordinal);
        Assert.Equal("ok", checks["cache root"].Verdict);
    }

    [Theory]
    [InlineData(0, "ok")]
    [InlineData(6, "warn")]
    [InlineData(-60, "fail")]
    public async Task A_clock_that_is_off_is_found_before_the_store_refuses_signatures(int minutes, string verdict)
    {
        using var store = new TcpListener(IPAddress.Loopback, 0);
        store.Start();
        PointAt($"http://{store.LocalEndpoint}");
        using var stop = new CancellationTokenSource();
        var serving = RefuseAllAsync(store, TimeProvider.System.GetUtcNow().AddMinutes(minutes), stop.Token);

        var (exitCode, checks) = await CheckAsync();
        await stop.CancelAsync();
        await serving;

        Assert.Equal(verdict, checks["clock"].Verdict);
        Assert.Equal(ExitCode.AccessDenied, exitCode);
        Assert.Equal("fail", checks["listing"].Verdict);
    }

    private void PointAt(string endpoint)
    {
        dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = endpoint;
        dscache.Environment["EXTERNAL_BUCKET_DATASETS"] = "bucket";
        dscache.Environment["EXTERNAL_ACCESS_KEY"] = "key";
        dscache.Environment["EXTERNAL_SECRET_KEY"] = "secret";
        dscache.Environment["DSCACHE_ATTEMPTS"] = "1";
    }

    private static async Task RefuseAllAsync(TcpListener store, DateTimeOffset date, CancellationToken cancellationToken)
    {
        var answer = string.Create(
            CultureInfo.InvariantCulture, $"HTTP/1.1 403 Forbidden\r\nDate: {date:R}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        try
        {
            while (true)
            {
                using var client = await store.AcceptTcpClientAsync(cancellationToken);
                var stream = client.GetStream();
                _ = await stream.ReadAsync(new byte[8192], cancellationToken);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The test has what it wanted.
        }
    }

    private async Task<(int ExitCode, Dictionary<string, Check> Checks)> CheckAsync()
    {
        var result = await dscache.RunAsync("doctor", "--json");
        using var document = JsonDocument.Parse(result.Out);
        Assert.Equal(result.ExitCode, document.RootElement.GetProperty("exitCode").GetInt32());
        return (result.ExitCode, document.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(
            check => check.GetProperty("check").GetString()!,
            check => new Check(check.GetProperty("verdict").GetString()!, check.GetProperty("detail").GetString()!, check.GetProperty("advice").GetString() ?? ""),
            StringComparer.Ordinal));
    }

    private sealed record Check(string Verdict, string Detail, string Advice);
}
