using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Running;

public sealed class InterruptionTests : IDisposable
{
    private readonly Dscache dscache = new();
    private readonly TcpListener silentStore = new(IPAddress.Loopback, 0);

    public InterruptionTests()
    {
        silentStore.Start();
        dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = $"http://{silentStore.LocalEndpoint}";
        dscache.Environment["EXTERNAL_ACCESS_KEY"] = "key";
        dscache.Environment["EXTERNAL_SECRET_KEY"] = "secret";
    }

    public void Dispose()
    {
        silentStore.Dispose();
        dscache.Dispose();
    }

    [Theory]
    [InlineData(2, "SIGINT")]
    [InlineData(15, "SIGTERM")]
    public async Task A_signal_ends_a_download_cleanly_and_says_how_to_go_on(int number, string name)
    {
        using var process = dscache.Start("get", "s3://bucket/x", "--into", dscache.JobDirectory, "--json", "-q");
        using var request = await silentStore.AcceptTcpClientAsync(TestContext.Current.CancellationToken);

        process.Signal(number);
        var result = await process.WaitAsync();

        Assert.Equal((128 + number, ""), (result.ExitCode, result.Out));
        var error = JsonDocument.Parse(result.Error.TrimEnd().Split('\n')[^1]).RootElement.GetProperty("error");
        Assert.Equal(("interrupted", true, 128 + number), (error.GetProperty("code").GetString(), error.GetProperty("retry").GetBoolean(), error.GetProperty("exitCode").GetInt32()));
        Assert.Contains(name, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("again", error.GetProperty("advice").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_before_the_command_starts_ends_run_without_it()
    {
        using var process = dscache.Start("run", "s3://bucket/x", "-q", "--", "touch", dscache.In("started"));
        using var request = await silentStore.AcceptTcpClientAsync(TestContext.Current.CancellationToken);

        process.Signal(15);
        var result = await process.WaitAsync();

        Assert.Equal(143, result.ExitCode);
        Assert.False(File.Exists(dscache.In("started")));
    }
}
