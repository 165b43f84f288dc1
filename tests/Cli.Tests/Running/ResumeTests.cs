using System.Text.Json;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cli.Tests.Running;

public sealed class ResumeTests : IDisposable
{
    private const int MiB = 1 << 20;
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Theory]
    [InlineData(15, 143)]
    [InlineData(9, 137)]
    [Trait("Fault", "1")]
    public async Task A_download_that_a_signal_ended_goes_on_where_it_stood(int signal, int exitCode)
    {
        const int size = 100 * MiB;
        const int passed = 80 * MiB;
        var server = await S3Server.GetAsync();
        var bucket = await server.CreateBucketAsync();
        var content = new byte[size];
        new Random(1).NextBytes(content);
        await server.PutAsync(bucket, "set/large.bin", content);
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        var release = new TaskCompletionSource();
        var reached = proxy.Served.When(passed, release.Task);
        // One name for both calls: another endpoint would be another origin.
        UseStore(proxy.Endpoint, server);

        using (var first = dscache.Start("get", $"s3://{bucket}/set", "--into", dscache.JobDirectory, "-q"))
        {
            await reached.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            first.Signal(signal);
            var ended = await first.WaitAsync();
            Assert.Equal((exitCode, ""), (ended.ExitCode, ended.Out));
        }
        Assert.Empty(Directory.GetFileSystemEntries(dscache.JobDirectory));
        release.SetResult();
        var second = await dscache.RunAsync("get", $"s3://{bucket}/set", "--into", dscache.JobDirectory, "-q", "--json");

        Assert.Equal((0, ""), (second.ExitCode, second.Error));
        using var report = JsonDocument.Parse(second.Out);
        // The promise is 32 MiB; what lay in the sockets' buffers never reached dscache and does not count.
        const int buffers = 8 * MiB;
        Assert.InRange(report.RootElement.GetProperty("bytesFromOrigin").GetInt64(), size - passed, size - passed + (32 * MiB) + buffers);
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(dscache.JobDirectory, "dataset", "large.bin"), TestContext.Current.CancellationToken));
    }

    private void UseStore(string endpoint, S3Server server)
    {
        dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = endpoint;
        dscache.Environment["EXTERNAL_ACCESS_KEY"] = server.AccessKey;
        dscache.Environment["EXTERNAL_SECRET_KEY"] = server.SecretKey;
    }
}
