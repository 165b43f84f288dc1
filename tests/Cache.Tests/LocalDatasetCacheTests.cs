using System.Security.Cryptography;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests;

public sealed class LocalDatasetCacheTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private void PutCats()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 100_000));
        fixture.Put("deep/er/b.jpg", MemoryOrigin.Bytes(2, 5_000));
        fixture.Put("large.bin", MemoryOrigin.Bytes(3, 21_000_000));
        fixture.Put("empty.txt", []);
    }

    private static readonly string[] Cats = ["a.jpg", "deep/er/b.jpg", "large.bin", "empty.txt"];

    [Fact]
    public async Task The_first_job_pays_and_the_next_ones_read_nothing_from_the_origin()
    {
        PutCats();
        var cache = fixture.Open();
        await using var first = await cache.AcquireAsync(fixture.Request(91));
        Assert.Equal(AcquireOutcome.Miss, first.Outcome);
        Assert.Equal(4, first.Files);
        Assert.Equal(21_105_000, first.Bytes);
        Assert.Equal(21_105_000, first.BytesFromOrigin);
        Assert.Equal(3, first.FilesFromOrigin);
        fixture.AssertHoldsTheOrigin(first.Path + "/", Cats);
        Assert.True(fixture.Origin.ServedEachByteOnce());

        var (reads, listings) = (fixture.Origin.Reads, fixture.Origin.Listings);
        foreach (var job in new[] { 92, 93 })
        {
            await using var next = await fixture.Open().AcquireAsync(fixture.Request(job));
            Assert.Equal(AcquireOutcome.Hit, next.Outcome);
            Assert.Equal(0, next.BytesFromOrigin);
            Assert.Equal(fixture.Job(job) + "/dataset", next.Path);
            Assert.Equal(first.SnapshotPath, new FileInfo(next.Path).LinkTarget);
        }
        Assert.Equal((reads, listings), (fixture.Origin.Reads, fixture.Origin.Listings));
        Assert.Equal(3, Assert.Single(cache.List()).Uses);
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task A_warm_hit_needs_no_manifest()
    {
        PutCats();
        string key;
        await using (var first = await fixture.Open().AcquireAsync(fixture.Request(1)))
            key = first.CacheKey;
        File.Delete(Path.Join(fixture.Root, "entries", key, "manifest"));
        await using var hit = await fixture.Open().AcquireAsync(fixture.Request(2));
        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
    }

    [Fact]
    public async Task What_a_job_sees_is_sealed()
    {
        PutCats();
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request());
        var writable = Directory.EnumerateFileSystemEntries(lease.SnapshotPath, "*", SearchOption.AllDirectories).Append(lease.SnapshotPath)
            .Where(path => (File.GetUnixFileMode(path) & (UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != UnixFileMode.None);
        Assert.Empty(writable);
    }

    [Fact]
    public async Task What_a_kill_left_unsealed_is_sealed_by_the_next_get()
    {
        PutCats();
        // Killed when all was there and nothing sealed; then killed right after the rename.
        var cut = new FileSystem(call => call is "fsync" ? throw new InvalidOperationException("cut") : 0);
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open(options => options with { Durable = true }, cut).AcquireAsync(fixture.Request()));
        foreach (var path in Directory.EnumerateFiles(fixture.Staged("tree"), "large.bin"))
            File.SetUnixFileMode(path, (UnixFileMode)0x1A4);
        string key;
        await using (var lease = await fixture.Open().AcquireAsync(fixture.Request()))
            key = lease.CacheKey;
        var top = Path.Join(fixture.Root, "snapshots", key);
        Assert.Equal((UnixFileMode)0x124, File.GetUnixFileMode(Path.Join(top, "large.bin")));
        File.SetUnixFileMode(top, (UnixFileMode)0x1ED);
        await using var hit = await fixture.Open().AcquireAsync(fixture.Request());
        Assert.Equal((AcquireOutcome.Hit, (UnixFileMode)0x16D), (hit.Outcome, File.GetUnixFileMode(top)));
    }

    [Fact]
    public async Task However_many_ask_at_once_there_is_one_download()
    {
        PutCats();
        var caches = Enumerable.Range(0, 4).Select(_ => fixture.Open()).ToArray(); // Separate instances share nothing but the disk, as processes do.
        var leases = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() => caches[i % 4].AcquireAsync(fixture.Request(i)))));
        Assert.Single(leases, lease => lease.Outcome == AcquireOutcome.Miss);
        Assert.Equal(1, fixture.Origin.Listings);
        Assert.True(fixture.Origin.ServedEachByteOnce());
        Assert.Equal(21_105_000, fixture.Origin.BytesServed);
        Assert.Single(leases.Select(lease => lease.SnapshotPath).Distinct());
        fixture.AssertHoldsTheOrigin(leases[0].SnapshotPath, Cats);
    }

    [Fact]
    public async Task A_waiter_in_another_process_wakes_by_the_lock_itself_and_not_by_looking_again()
    {
        var quickest = TimeSpan.MaxValue;
        for (var attempt = 1; attempt <= 10; attempt++)
        {
            var snapshot = $"snap_{attempt}";
            fixture.Put("a.jpg", MemoryOrigin.Bytes(attempt, 50_000));
            var entered = new TaskCompletionSource();
            var go = new TaskCompletionSource();
            fixture.Origin.BeforeRead = async (_, _, _) =>
            {
                entered.TrySetResult();
                await go.Task;
            };
            var owner = fixture.Open().AcquireAsync(fixture.Request(snapshot: snapshot));
            await entered.Task;
            // Its clock stands still: whatever waits for a timer waits for ever.
            var progress = new Phases();
            var waiter = fixture.Open(time: new StoppedClock()).AcquireAsync(fixture.Request(snapshot: snapshot), progress);
            await progress.Waiting.Task.WaitAsync(TimeSpan.FromSeconds(60));
            go.SetResult();
            await using var first = await owner;
            var published = TimeProvider.System.GetTimestamp();
            await using var second = await waiter.WaitAsync(TimeSpan.FromSeconds(60));
            Assert.Equal((AcquireOutcome.Miss, AcquireOutcome.Hit), (first.Outcome, second.Outcome));
            quickest = TimeSpan.FromTicks(Math.Min(quickest.Ticks, TimeProvider.System.GetElapsedTime(published).Ticks));
        }
        // The best of ten: what the mechanism takes, and not what a busy machine adds.
        Assert.InRange(quickest, TimeSpan.Zero, TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task Who_waits_for_another_process_longer_than_he_wanted_is_told_so()
    {
        PutCats();
        var entered = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        fixture.Origin.BeforeRead = async (_, _, _) =>
        {
            entered.TrySetResult();
            await go.Task;
        };
        var owner = fixture.Open().AcquireAsync(fixture.Request(1));
        await entered.Task;
        var error = await Assert.ThrowsAsync<LockTimeoutException>(
            () => fixture.Open(options => options with { LockTimeout = TimeSpan.FromMilliseconds(20) }).AcquireAsync(fixture.Request(2)));
        Assert.Equal((ErrorCode.LockTimeout, true), (error.Code, error.IsWorthRetrying));
        Assert.Contains("DSCACHE_LOCK_TIMEOUT", error.Advice, StringComparison.Ordinal);
        go.SetResult();
        await using var lease = await owner;
        fixture.AssertHoldsTheOrigin(lease.Path + "/", Cats);
    }

    private sealed class Phases : IProgress<AcquireProgress>
    {
        public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Report(AcquireProgress value)
        {
            if (value.Phase == AcquirePhase.Waiting)
                Waiting.TrySetResult();
        }
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new NoTimer();

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task A_caller_that_gives_up_does_not_take_the_download_from_the_others()
    {
        PutCats();
        var cache = fixture.Open();
        var entered = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        fixture.Origin.BeforeRead = async (_, _, _) =>
        {
            entered.TrySetResult();
            await go.Task;
        };
        using var impatient = new CancellationTokenSource();
        var first = cache.AcquireAsync(fixture.Request(1), cancellationToken: impatient.Token);
        var second = cache.AcquireAsync(fixture.Request(2));
        await entered.Task;
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        go.SetResult();
        await using var lease = await second;
        fixture.AssertHoldsTheOrigin(lease.Path + "/", Cats);
        Assert.True(fixture.Origin.ServedEachByteOnce());
        // Whom else should the download be put down to?
        Assert.Equal((AcquireOutcome.Miss, lease.Bytes), (lease.Outcome, lease.BytesFromOrigin));
    }

    [Fact]
    public async Task A_download_that_nobody_wants_any_more_is_cancelled_and_keeps_its_progress()
    {
        PutCats();
        var cache = fixture.Open(options => options with { Concurrency = 1 });
        using var cancel = new CancellationTokenSource();
        fixture.Origin.BeforeBytes = async (key, position, _, token) =>
        {
            if (!key.EndsWith("large.bin", StringComparison.Ordinal) || position <= 12_000_000)
                return;
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, token);
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cache.AcquireAsync(fixture.Request(1), cancellationToken: cancel.Token));
        fixture.Origin.BeforeBytes = null;
        fixture.Origin.ForgetServed();
        await using var lease = await cache.AcquireAsync(fixture.Request(1));
        fixture.AssertHoldsTheOrigin(lease.Path + "/", Cats);
        Assert.InRange(lease.ReusedBytes, 8_000_000, 13_000_000);
        Assert.Equal(21_105_000 - lease.ReusedBytes, lease.BytesFromOrigin);
    }

    [Fact]
    public async Task Two_identities_with_one_short_name_are_never_mixed_up()
    {
        fixture.Put("a.jpg", "one");
        fixture.Origin.Put("elsewhere/datasets/cats/a.jpg", "two");
        var cache = fixture.Open();
        var hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; // of no metadata at all
        var request = fixture.Request(hash: hash, selection: Selection.Auto);
        await using var one = await cache.AcquireAsync(request);
        await using var two = await cache.AcquireAsync(request with { Dataset = request.Dataset with { Origin = "elsewhere" } });
        Assert.Equal("snap_1_e3b0c442", one.CacheKey);
        Assert.StartsWith("snap_1_e3b0c442_", two.CacheKey, StringComparison.Ordinal);
        Assert.Equal("one", File.ReadAllText(Path.Join(one.Path, "a.jpg")));
        Assert.Equal("two", File.ReadAllText(Path.Join(two.Path, "a.jpg")));
        await using var again = await cache.AcquireAsync(request with { Dataset = request.Dataset with { Origin = "elsewhere" } });
        Assert.Equal((AcquireOutcome.Hit, two.CacheKey), (again.Outcome, again.CacheKey));
    }

    [Fact]
    public async Task A_wrong_version_hash_is_an_error_before_any_image_is_fetched()
    {
        PutCats();
        var wrong = new string('0', 64);
        var error = await Assert.ThrowsAsync<IntegrityException>(() => fixture.Open().AcquireAsync(fixture.Request(hash: wrong)));
        Assert.Contains(wrong, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fixture.Origin.Served, part => part.Key.EndsWith(".jpg", StringComparison.Ordinal));
    }
}
