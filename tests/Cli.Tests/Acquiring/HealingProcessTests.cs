using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Acquiring;

/// <summary>Broken entries and real processes: many that ask at once, some that are killed while they heal.</summary>
[Trait("Fault", "8")]
public sealed class HealingProcessTests : IAsyncLifetime
{
    private const int Piece = 1 << 20;
    private readonly Dscache dscache = new();
    private readonly byte[] content = MemoryOrigin.Bytes(7, 40 * 1024 * 1024);
    private FaultProxy proxy = null!;
    private string bucket = "", key = "";

    private string Large => Path.Join(dscache.In("cache"), "snapshots", key, "large.bin");

    public async ValueTask InitializeAsync()
    {
        var server = await S3Server.GetAsync();
        bucket = await server.CreateBucketAsync();
        await server.PutAsync(bucket, "datasets/ds_1/large.bin", content);
        proxy = await FaultProxy.StartAsync(server.Endpoint);
        dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = proxy.Endpoint;
        dscache.Environment["EXTERNAL_ACCESS_KEY"] = server.AccessKey;
        dscache.Environment["EXTERNAL_SECRET_KEY"] = server.SecretKey;
        dscache.Environment["DSCACHE_ORIGIN"] = $"s3://{bucket}";
        var first = await dscache.RunAsync(Get(0));
        Assert.Equal((0, ""), (first.ExitCode, first.Error));
        using var report = JsonDocument.Parse(first.Out);
        key = report.RootElement.GetProperty("cacheKey").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        dscache.Dispose();
    }

    private string[] Get(int job, params string[] more) => ["get", "snap_1", "--dataset", "ds_1", "--into", dscache.In($"job-{job}"), "-q", "--json", .. more];

    // Five pieces of ten; an empty mark means that all must be looked at.
    private void Break()
    {
        File.SetUnixFileMode(Large, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var file = File.OpenHandle(Large, FileMode.Open, FileAccess.ReadWrite))
        {
            for (var piece = 0; piece < 10; piece += 2)
                RandomAccess.Write(file, new byte[9], (piece * Piece) + 1000);
        }
        File.SetUnixFileMode(Large, (UnixFileMode)0x124);
        File.WriteAllText(Path.Join(dscache.In("cache"), "entries", key, "broken"), "");
        proxy.Served.Reset();
    }

    private void AssertWhole()
    {
        Assert.Equal(content, File.ReadAllBytes(Large));
        Assert.False(Path.Exists(Path.Join(dscache.In("cache"), "entries", key, "broken")));
        Assert.Equal(["naming.lock", "space.lock"], Directory.EnumerateFileSystemEntries(Path.Join(dscache.In("cache"), "staging")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Processes_that_ask_at_once_heal_it_once()
    {
        Break();
        var results = await Task.WhenAll(Enumerable.Range(1, 6).Select(job => dscache.RunAsync(Get(job))));
        Assert.All(results, result => Assert.Equal((0, ""), (result.ExitCode, result.Error)));
        Assert.Equal((5L * Piece, 0L), (proxy.Served.Total, proxy.Served.Repeated));
        Assert.Equal(5L * Piece, results.Sum(result => JsonDocument.Parse(result.Out).RootElement.GetProperty("bytesFromOrigin").GetInt64()));
        AssertWhole();
    }

    [Fact]
    [Trait("Fault", "1")]
    public async Task Whoever_is_killed_while_it_heals_the_next_goes_on_and_nobody_gets_it_half_healed()
    {
        for (var round = 1; round <= 3; round++)
        {
            Break();
            var release = new TaskCompletionSource();
            var reached = proxy.Served.When(round * 5L * Piece / 4, release.Task);
            using (var victim = dscache.Start(Get(round)))
            {
                await reached.WaitAsync(TimeSpan.FromSeconds(60));
                victim.Signal(9);
                Assert.Equal(137, (await victim.WaitAsync()).ExitCode);
            }
            release.SetResult();
            var offline = await dscache.RunAsync(Get(round, "--offline"));
            Assert.Equal(66, offline.ExitCode);
            Assert.Contains("broken", offline.Error, StringComparison.Ordinal);
            var strict = await dscache.RunAsync(Get(round, "--strict"));
            Assert.Equal(65, strict.ExitCode);
            Assert.Contains("dscache verify " + key, strict.Error, StringComparison.Ordinal);

            var next = await dscache.RunAsync(Get(round));
            Assert.Equal((0, ""), (next.ExitCode, next.Error));
            AssertWhole();
        }
    }
}
