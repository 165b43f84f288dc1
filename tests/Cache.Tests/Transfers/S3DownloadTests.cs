using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Transfers;

/// <summary>Whole acquisitions from a real S3 server with a proxy in front that strikes.</summary>
public sealed class S3DownloadTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private readonly Dictionary<string, byte[]> contents = new(StringComparer.Ordinal);
    private FaultProxy proxy = null!;
    private S3Server server = null!;
    private string bucket = "";

    private long Total => contents.Values.Sum(content => (long)content.Length);

    public async ValueTask InitializeAsync()
    {
        server = await S3Server.GetAsync();
        bucket = await server.CreateBucketAsync();
        for (var i = 0; i < 20; i++)
            contents[$"small/{i}.jpg"] = MemoryOrigin.Bytes(i, 50_000);
        contents["large.bin"] = MemoryOrigin.Bytes(100, 40_000_000);
        await server.PutAllAsync(bucket, contents.Select(item => ("set/" + item.Key, (ReadOnlyMemory<byte>)item.Value)));
        proxy = await FaultProxy.StartAsync(server.Endpoint);
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        folder.Dispose();
    }

    private async Task<DatasetLease> Get(int attempts = 4, double stallSeconds = 30)
    {
        using var origins = new OriginFactory(server.Options(proxy.Endpoint));
        await using var cache = LocalDatasetCache.Open(new CacheOptions
        {
            Root = folder["cache"],
            MinFree = DiskFloor.OfBytes(0),
            Durable = false,
            Attempts = attempts,
            StallTimeout = TimeSpan.FromSeconds(stallSeconds),
        }, origins);
        return await cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = $"s3://{bucket}/set" } });
    }

    private void AssertWhole(DatasetLease lease)
    {
        foreach (var (path, content) in contents)
            Assert.Equal(content, File.ReadAllBytes(Path.Join(lease.SnapshotPath, path)));
        Assert.Equal(contents.Count, Directory.EnumerateFiles(lease.SnapshotPath, "*", SearchOption.AllDirectories).Count());
    }

    [Fact]
    public async Task Without_a_fault_every_byte_is_read_once()
    {
        await using var lease = await Get();
        AssertWhole(lease);
        Assert.Equal((Total, 0L), (proxy.Served.Total, proxy.Served.Repeated));
        Assert.Equal(Total, lease.BytesFromOrigin);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    [Trait("Fault", "19")]
    public async Task An_origin_that_answers_errors_for_a_while_is_asked_again(int status)
    {
        var rule = proxy.Add(Fault.Answer(status, "SlowDown"), fromNth: 3, times: 8);
        await using var lease = await Get();
        Assert.Equal(8, rule.Fires);
        AssertWhole(lease);
        Assert.Equal(0, proxy.Served.Repeated);
    }

    [Fact]
    [Trait("Fault", "19")]
    public async Task An_origin_that_keeps_failing_is_an_error_with_status_request_id_and_key()
    {
        var rule = proxy.Add(Fault.Answer(503, "SlowDown"), times: int.MaxValue);
        var error = await Assert.ThrowsAsync<OriginException>(() => Get(attempts: 2));
        Assert.True(rule.Fires >= 2);
        Assert.Equal((ErrorCode.OriginUnreachable, 503, true), (error.Code, error.HttpStatus, error.IsWorthRetrying));
        Assert.StartsWith("fault-", error.RequestId, StringComparison.Ordinal);
        Assert.Contains(error.RequestId!, error.Message, StringComparison.Ordinal);
        Assert.Contains(error.ObjectKey!, error.Message, StringComparison.Ordinal);
        Assert.Contains("2 attempts", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "19")]
    public async Task An_origin_that_never_answers_is_timed_out()
    {
        var rule = proxy.Add(new Fault { Hang = true }, times: 2);
        await using var lease = await Get(stallSeconds: 1);
        Assert.Equal(2, rule.Fires);
        AssertWhole(lease);
    }

    public static TheoryData<string, Fault> BrokenBodies => new()
    {
        { "broken off", new Fault { BreakAfter = 20_000 } },
        { "broken off without a length", new Fault { BreakAfter = 20_000, WithoutLength = true } },
        { "ended early without a length", new Fault { EndAfter = 20_000, WithoutLength = true } },
        { "too long without a length", new Fault { AppendBytes = 10, WithoutLength = true } },
        { "silent in the middle", new Fault { StallAfter = 20_000 } },
        { "a few bytes a second", new Fault { BytesPerSecond = 100 } },
        { "reset", new Fault { Reset = true } },
    };

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    [Trait("Fault", "20")]
    public async Task A_body_that_is_not_what_was_asked_for_is_noticed_and_mended(string what, Fault fault)
    {
        var rule = proxy.Add(fault, fromNth: 2, times: 3);
        await using var lease = await Get(stallSeconds: 2);
        Assert.True(rule.Fires == 3, what);
        AssertWhole(lease);
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task A_body_without_a_length_that_is_whole_is_taken()
    {
        var rule = proxy.Add(new Fault { WithoutLength = true }, times: int.MaxValue);
        await using var lease = await Get();
        Assert.True(rule.Fires > 20);
        AssertWhole(lease);
        Assert.Equal(0, proxy.Served.Repeated);
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task An_answer_of_200_to_a_range_is_refused()
    {
        var rule = proxy.Add(new FaultRule { Fault = new Fault { IgnoreRange = true }, Matches = request => request.Range is not null, Times = int.MaxValue });
        var error = await Assert.ThrowsAsync<OriginException>(() => Get(attempts: 2));
        Assert.True(rule.Fires > 0);
        Assert.Equal((OriginFailure.Protocol, 200), (error.Failure, error.HttpStatus));
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task An_object_that_is_replaced_while_it_is_read_is_listed_again_and_never_mixed()
    {
        // Its answers break off in the middle; what is asked for next no longer has the ETag that was listed.
        var rule = proxy.Add(new FaultRule { Fault = new Fault { BreakAfter = 5_000_000 }, Matches = request => request.Range is not null, Times = 2 });
        var release = new TaskCompletionSource();
        var reached = proxy.Served.When(3_000_000, release.Task);
        var getting = Get();
        await reached.WaitAsync(TimeSpan.FromSeconds(30));
        contents["large.bin"] = MemoryOrigin.Bytes(200, 40_000_000);
        await server.PutAsync(bucket, "set/large.bin", contents["large.bin"]);
        release.SetResult();
        await using var lease = await getting;
        Assert.Equal(2, rule.Fires);
        AssertWhole(lease);
        Assert.Equal(2, proxy.Requests.Count(request => request.IsListing));
    }
}
