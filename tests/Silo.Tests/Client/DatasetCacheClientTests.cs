using System.Globalization;
using DatasetCache.Client;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DatasetCache.Silo.Tests.Client;

public sealed class DatasetCacheClientTests : IDisposable
{
    private static readonly DatasetRef Photos = new() { Origin = "s3://bucket/photos", SnapshotId = "snap_1" };
    private readonly TempFolder folder = new();
    private readonly MemoryOrigin origin = new();
    private readonly (int Silo, int Gateway) ports = TestSilo.FreePorts();

    public DatasetCacheClientTests()
    {
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        origin.Put("s3://bucket/other/b.txt", "be");
    }

    public void Dispose() => folder.Dispose();

    private Task<TestSilo> StartSiloAsync(TimeSpan? leaseTtl = null) => TestSilo.StartAsync(folder["cache"], origin, ports, leaseTtl);

    private DatasetCacheClientOptions Options => new() { Gateway = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports.Gateway}"), TokenFile = folder["cache/node.token"] };

    [Fact]
    public async Task A_job_gets_its_dataset_by_a_link_of_its_own_that_protects_it()
    {
        await using var silo = await StartSiloAsync();
        await using var cache = await DatasetCacheClient.ConnectAsync(Options);
        var seen = new List<AcquireProgress>();

        var lease = await cache.AcquireAsync(Photos, folder["job"], new Seen(seen));
        await using var again = await cache.AcquireAsync(new AcquireRequest { Dataset = Photos });
        var before = await cache.RecommendHostsAsync([Photos, Photos with { Origin = "s3://bucket/other" }]);
        await lease.DisposeAsync();
        await again.DisposeAsync();

        Assert.Equal((AcquireOutcome.Miss, AcquireOutcome.Hit), (lease.Outcome, again.Outcome));
        Assert.Equal((folder["job/dataset"], again.SnapshotPath, 5L, 5L, false), (lease.Path, again.Path, lease.Bytes, lease.BytesFromOrigin, lease.IsUnregistered));
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(lease.Path, "a.txt")));
        Assert.Equal((5L, 5L), (seen[^1].BytesDone, seen[^1].BytesTotal));
        Assert.Equal((TestSilo.Node, 5L), (Assert.Single(before).Node, before[0].Bytes));
        Assert.Equal([5L, 0L], before[0].PerDataset);
        Assert.Equal(0, silo.Service.Status().Leases);
        // The link alone keeps it now; and not once it is released.
        Assert.Equal(EvictionOutcome.Protected, (await silo.Service.EvictAsync(lease.CacheKey, dryRun: false, CancellationToken.None)).Outcome);
        Assert.True((await cache.ReleaseAsync(folder["job"])).Removed);
        Assert.Equal(EvictionOutcome.Evicted, (await silo.Service.EvictAsync(lease.CacheKey, dryRun: false, CancellationToken.None)).Outcome);
    }

    private sealed class Seen(List<AcquireProgress> into) : IProgress<AcquireProgress>
    {
        public void Report(AcquireProgress value) => into.Add(value);
    }

    [Fact]
    [Trait("Fault", "12")]
    public async Task A_silo_that_is_lost_in_the_middle_and_comes_back_is_no_error_to_the_job()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isOpen = false;
        origin.BeforeRead = async (_, _, cancel) =>
        {
            asked.TrySetResult();
            if (!isOpen)
                await Task.Delay(Timeout.Infinite, cancel);
        };
        var first = await StartSiloAsync();
        await using var cache = await DatasetCacheClient.ConnectAsync(Options);
        var acquiring = cache.AcquireAsync(Photos, folder["job"]);
        await asked.Task;
        await first.DisposeAsync();
        isOpen = true;
        await using var second = await StartSiloAsync();

        await using var lease = await acquiring;

        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(lease.Path, "a.txt")));
        Assert.Equal(1, second.Service.Status().Leases);
    }

    [Fact]
    public async Task A_lease_renews_itself_and_survives_a_restart_of_the_silo()
    {
        var first = await StartSiloAsync(leaseTtl: TimeSpan.FromSeconds(2));
        await using var cache = await DatasetCacheClient.ConnectAsync(Options);
        var lease = await cache.AcquireAsync(new AcquireRequest { Dataset = Photos });
        await first.DisposeAsync();
        await using var second = await StartSiloAsync(leaseTtl: TimeSpan.FromSeconds(2));

        // Longer than it holds by itself.
        await second.RenewedAsync(9);

        Assert.Equal(EvictionOutcome.Protected, (await second.Service.EvictAsync(lease.CacheKey, dryRun: false, CancellationToken.None)).Outcome);
        await lease.DisposeAsync();
        Assert.Equal(EvictionOutcome.Evicted, (await second.Service.EvictAsync(lease.CacheKey, dryRun: false, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task Failures_have_the_code_and_the_words_that_they_have_without_a_node()
    {
        await using var silo = await StartSiloAsync();
        await using var cache = await DatasetCacheClient.ConnectAsync(Options);
        using var local = LocalDatasetCache.Open(new CacheOptions { Root = folder["local"], MinFree = DiskFloor.OfBytes(0) }, origin);
        Directory.CreateDirectory(folder["taken/dataset"]);
        await using var there = await cache.AcquireAsync(Photos, folder["job"]);

        foreach (var (dataset, job) in new[] { (Photos with { Origin = "s3://bucket/none" }, "job"), (Photos with { VersionHash = new string('0', 64) }, "job"), (Photos, "taken") })
        {
            var expected = await Assert.ThrowsAnyAsync<DatasetCacheException>(() => local.AcquireAsync(dataset, folder[job]));
            var actual = await Assert.ThrowsAnyAsync<DatasetCacheException>(() => cache.AcquireAsync(dataset, folder[job]));
            Assert.Equal((expected.Code, expected.Message, expected.Advice, expected.IsWorthRetrying), (actual.Code, actual.Message, actual.Advice, actual.IsWorthRetrying));
        }
    }

    [Fact]
    public async Task Who_gives_up_is_heard()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        origin.BeforeRead = async (_, _, cancel) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancel);
        };
        await using var silo = await StartSiloAsync();
        await using var cache = await DatasetCacheClient.ConnectAsync(Options);
        using var enough = new CancellationTokenSource();
        var acquiring = cache.AcquireAsync(Photos, folder["job"], cancellationToken: enough.Token);
        await asked.Task;

        await enough.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring);
        for (var tries = 0; silo.Service.Status().Working.Count > 0 && tries < 100; tries++)
            await Task.Delay(100);
        Assert.Empty(silo.Service.Status().Working);
    }

    [Fact]
    public async Task A_host_without_a_node_is_said_to_be_one()
    {
        var options = Options;
        options.LostNodePatience = TimeSpan.FromSeconds(1);

        var e = await Assert.ThrowsAsync<NodeException>(() => DatasetCacheClient.ConnectAsync(options));

        Assert.Equal((ErrorCode.OriginUnreachable, true), (e.Code, e.IsWorthRetrying));
        Assert.Contains(options.Gateway, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Among_a_program_s_services_it_connects_when_it_is_first_used()
    {
        await using var services = new ServiceCollection().AddLogging().AddDatasetCacheClient(options => (options.Gateway, options.TokenFile) = (Options.Gateway, Options.TokenFile)).BuildServiceProvider();
        var cache = services.GetRequiredService<IDatasetCache>();
        await using var silo = await StartSiloAsync();

        await using var lease = await cache.AcquireAsync(Photos, folder["job"]);

        Assert.Same(cache, services.GetRequiredService<DatasetCacheClient>());
        Assert.True(File.Exists(Path.Combine(lease.Path, "a.txt")));
    }

    [Theory]
    [InlineData("localhost:30000")]
    [InlineData("127.0.0.1")]
    [InlineData("")]
    public async Task A_gateway_that_is_none_is_refused_with_its_name(string gateway)
    {
        var e = await Assert.ThrowsAsync<ConfigurationException>(() => DatasetCacheClient.ConnectAsync(new DatasetCacheClientOptions { Gateway = gateway }));

        Assert.Contains($"DatasetCacheClientOptions.Gateway is '{gateway}'", e.Message, StringComparison.Ordinal);
    }
}
