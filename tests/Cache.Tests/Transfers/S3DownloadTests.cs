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

    [FaultTheory(19)]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    [InlineData(0)] // Never answers.
    public async Task An_origin_that_answers_errors_for_a_while_is_asked_again(int status)
    {
        var fault = Case(19);
        var rule = proxy.Add(status == 0 ? new Fault { Hang = true } : Fault.Answer(status, "SlowDown"), fromNth: 3, times: 8);
        await using var lease = await fault.HealsAsync(() => Get(attempts: 6, stallSeconds: status == 0 ? 1 : 30));
        Assert.Equal(8, rule.Fires);
        await EndAsync(fault, rule, lease);
    }

    // Beside the root nothing may change.
    private FaultCase Case(int number, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        var fault = new FaultCase(number, test);
        fault.Guard(folder.Path, folder["cache"]);
        return fault;
    }

    private async Task EndAsync(FaultCase fault, FaultRule rule, DatasetLease lease, long? mayRepeat = 0)
    {
        fault.Fired(rule.Fires);
        fault.HandedOut(lease.SnapshotPath, contents);
        if (mayRepeat is { } most)
            fault.ReadOnce(proxy.Served.Repeated, most);
        await using (var after = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), Offline = true }, new MemoryOrigin()))
            after.Sweep(TimeSpan.Zero);
        fault.NoOrphans(folder["cache"]);
        fault.End();
    }

    [Fault(19)]
    public async Task A_name_that_nobody_knows_is_said_to_be_and_is_worth_another_try()
    {
        var fault = Case(19);
        using var origins = new OriginFactory(server.Options("http://nowhere.invalid:9"));
        await using var cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), Durable = false, Attempts = 2 }, origins);
        var error = await Assert.ThrowsAsync<OriginException>(() => cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = $"s3://{bucket}/set" } }));
        Assert.Equal((ErrorCode.OriginUnreachable, true), (error.Code, error.IsWorthRetrying));
        fault.Fired();
        Assert.Empty(cache.List());
        cache.Sweep(TimeSpan.Zero);
        fault.NoOrphans(folder["cache"]);
        fault.End();
    }

    [Fault(19)]
    public async Task An_origin_that_keeps_failing_is_an_error_with_status_request_id_and_key()
    {
        var fault = Case(19);
        var rule = proxy.Add(Fault.Answer(503, "SlowDown"), times: int.MaxValue);
        var error = await Assert.ThrowsAsync<OriginException>(() => Get(attempts: 2));
        Assert.True(rule.Fires >= 2);
        Assert.Equal((ErrorCode.OriginUnreachable, 503, true), (error.Code, error.HttpStatus, error.IsWorthRetrying));
        Assert.StartsWith("fault-", error.RequestId, StringComparison.Ordinal);
        Assert.Contains(error.RequestId!, error.Message, StringComparison.Ordinal);
        Assert.Contains(error.ObjectKey!, error.Message, StringComparison.Ordinal);
        Assert.Contains("2 attempts", error.Message, StringComparison.Ordinal);
        proxy.Calm();
        await EndAsync(fault, rule, await fault.HealsAsync(() => Get()));
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

    [FaultTheory(20)]
    [MemberData(nameof(BrokenBodies))]
    public async Task A_body_that_is_not_what_was_asked_for_is_noticed_and_mended(string what, Fault fault)
    {
        var run = Case(20);
        var rule = proxy.Add(fault, fromNth: 2, times: 3);
        await using var lease = await run.HealsAsync(() => Get(stallSeconds: 2));
        Assert.True(rule.Fires == 3, what);
        // What was right by chance is not believed either.
        Assert.True(fault.AppendBytes == 0 || proxy.Served.Repeated > 0, what);
        // A body that cannot be believed is asked for anew, and of one that breaks off what was in sockets: three requests, of 8 MiB at most.
        // One that is too long is noticed at its end only: by then it may have brought all that was left of a file.
        await EndAsync(run, rule, lease, mayRepeat: fault.AppendBytes > 0 ? Total : 3 * (8L << 20));
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task Of_a_body_with_others_bytes_in_front_none_is_kept()
    {
        var rule = proxy.Add(new FaultRule { Fault = new Fault { PrependBytes = 20_000, WithoutLength = true }, Matches = request => request.Range is null && !request.IsListing, Times = 3 });
        await using var lease = await Get();
        Assert.Equal(3, rule.Fires);
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

    [Fault(20)]
    public async Task An_answer_of_200_to_a_range_is_refused()
    {
        var fault = Case(20);
        var rule = proxy.Add(new FaultRule { Fault = new Fault { IgnoreRange = true }, Matches = request => request.Range is not null, Times = int.MaxValue });
        var error = await Assert.ThrowsAsync<OriginException>(() => Get(attempts: 2));
        Assert.True(rule.Fires > 0);
        Assert.Equal((OriginFailure.Protocol, 200), (error.Failure, error.HttpStatus));
        // By its head, before a byte that belongs elsewhere is taken.
        Assert.Contains("a request for a range wants 206", error.Message, StringComparison.Ordinal);
        proxy.Calm();
        // The proxy counts what the refused answers had begun to send.
        await EndAsync(fault, rule, await fault.HealsAsync(() => Get()), mayRepeat: null);
    }

    [Fault(21)]
    public async Task An_object_that_is_replaced_while_it_is_read_is_listed_again_and_never_mixed()
    {
        var fault = Case(21);
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
        Assert.Equal(2, proxy.Requests.Count(request => request.IsListing));
        // The large file's first version is of no use to anybody.
        await EndAsync(fault, rule, lease, mayRepeat: 40_000_000);
    }
}
