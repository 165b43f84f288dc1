using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

public sealed class ScrubberTests : IAsyncDisposable
{
    private const int Size = 100_000;
    private readonly CacheFixture fixture = new();
    private readonly RacingTime time = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private LocalDatasetCache Open(long rate = 0, TimeSpan? period = null, FileSystem? files = null)
        => fixture.Open(options => options with { ScrubRate = rate, ScrubPeriod = period ?? TimeSpan.FromDays(7) }, files, time);

    // Entries of ten files of 100 kB that share nothing.
    private async Task<string[]> FillAsync(int entries)
    {
        var keys = new List<string>();
        for (var entry = 0; entry < entries; entry++)
        {
            for (var file = 0; file < 10; file++)
                fixture.Origin.Put($"datasets/d{entry}/{file}.bin", MemoryOrigin.Bytes((entry * 10) + file, Size));
            await using var lease = await fixture.Open(time: time).AcquireAsync(fixture.Request() with { Dataset = fixture.Request().Dataset with { DatasetId = $"d{entry}", SnapshotId = $"snap_{entry}" } });
            keys.Add(lease.CacheKey);
        }
        return [.. keys.Order(StringComparer.Ordinal)];
    }

    private string FileOf(string key, int file) => Path.Join(fixture.Root, "snapshots", key, $"{file}.bin");

    [Fact]
    public async Task A_whole_cycle_reads_every_byte_once_and_then_nothing_is_due_for_a_period()
    {
        await FillAsync(3);
        var cache = Open();
        var report = await cache.ScrubAsync(new ScrubOptions { All = true });
        Assert.Equal((3, 30, 30L * Size, true, 1.0, 1), (report.Entries, report.Files, report.BytesRead, report.IsCycleOver, report.Passed, report.Cycle));
        Assert.Empty(report.Broken);
        time.Advance(TimeSpan.FromDays(6.9));
        var idle = await cache.ScrubAsync();
        Assert.Equal((0, 1, true), (idle.Files, idle.Cycle, idle.IsCycleOver));
        time.Advance(TimeSpan.FromDays(0.2));
        Assert.Equal(2, (await cache.ScrubAsync()).Cycle);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(24)]
    public async Task Calls_at_any_interval_go_through_everything_in_the_period_evenly(int hours)
    {
        var keys = await FillAsync(4);
        var started = time.GetUtcNow();
        var most = 0L;
        var files = 0L;
        for (var calls = 0; ; calls++)
        {
            Assert.True(calls <= 168 / hours, "the cycle did not end with its period");
            var report = await Open(period: TimeSpan.FromDays(7)).ScrubAsync(); // Each a process of its own.
            files += report.Files;
            most = Math.Max(most, report.Files);
            Assert.Equal(1, report.Cycle);
            if (report.IsCycleOver)
                break;
            time.Advance(TimeSpan.FromHours(hours));
        }
        Assert.Equal(40, files);
        Assert.True(time.GetUtcNow() - started <= TimeSpan.FromDays(7));
        Assert.True(most <= (40 * 2 * hours / 168) + 1, $"{most} files at once");
        // Called again at once there is nothing to do.
        Assert.Equal(0, (await Open().ScrubAsync()).Files);
        Assert.NotEmpty(keys);
    }

    [Fact]
    public async Task No_more_is_read_in_any_time_than_the_rate_allows()
    {
        await FillAsync(3);
        const long Rate = 250_000;
        var cache = Open(Rate);
        var before = time.Elapsed;
        var report = await cache.ScrubAsync(new ScrubOptions { All = true });
        var took = (time.Elapsed - before).TotalSeconds;
        Assert.Equal(30L * Size, report.BytesRead);
        // 12 s; the last file's own time comes after it.
        Assert.InRange(took, (30.0 * Size / Rate) - ((double)Size / Rate) - 0.1, (30.0 * Size / Rate) + 1);
        before = time.Elapsed;
        await cache.ScrubAsync(new ScrubOptions { All = true, Rate = 0 });
        Assert.Equal(before, time.Elapsed);
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task Whatever_is_damaged_is_found_in_one_cycle_and_the_rest_goes_on()
    {
        var keys = await FillAsync(4);
        Damage.FlipBit(FileOf(keys[0], 3), 99_999);
        Damage.SetLength(FileOf(keys[1], 9), 99_999);
        Damage.Plant(FileOf(keys[2], 77));
        var cache = Open();
        var report = await cache.ScrubAsync(new ScrubOptions { All = true, Heal = false });
        Assert.Equal(
            [(keys[0], "3.bin", FileFaultKind.WrongBytes), (keys[1], "9.bin", FileFaultKind.WrongSize), (keys[2], "77.bin", FileFaultKind.Unexpected)],
            report.Broken.Select(result => (result.CacheKey, Assert.Single(result.Found.Faults).Path, result.Found.Faults[0].Kind)));
        Assert.Equal((3, 3, true), (report.Found, report.Unhealed, report.IsCycleOver));
        Assert.All(report.Broken, result => Assert.False(result.IsUsable));
        Assert.True((await cache.VerifyAsync(keys[3]))!.Found.IsSound);
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task What_it_finds_is_healed_and_what_cannot_be_while_the_origin_is_down_is_as_soon_as_it_is_back()
    {
        var keys = await FillAsync(3);
        Damage.FlipBit(FileOf(keys[0], 3), 5);
        Damage.FlipBit(FileOf(keys[2], 4), 5);
        fixture.Origin.ForgetServed();
        fixture.Origin.BeforeRead = (key, _, _) => key.StartsWith("datasets/d0/", StringComparison.Ordinal) ? throw new OriginException(OriginFailure.Network, "It is down.") : default;
        var cache = Open();
        var report = await cache.ScrubAsync(new ScrubOptions { All = true });
        Assert.Equal([(keys[0], VerifyOutcome.Withdrawn), (keys[2], VerifyOutcome.Healed)], report.Broken.Select(result => (result.CacheKey, result.Outcome)));
        Assert.True(report.IsCycleOver);
        Assert.Equal((2, 1), (report.Found, report.Unhealed));
        Assert.Equal(Size, fixture.Origin.BytesServed);
        fixture.Origin.BeforeRead = null;
        using var stop = new CancellationTokenSource();
        var rounds = new List<MaintenanceRound>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cache.MaintainAsync(null, new Immediately(round =>
        {
            rounds.Add(round);
            if (rounds.Count == 2)
                stop.Cancel();
        }), stop.Token));
        Assert.Equal((keys[0], VerifyOutcome.Healed), (Assert.Single(rounds[0].Retried).CacheKey, rounds[0].Retried[0].Outcome));
        Assert.Empty(rounds[1].Retried);
        foreach (var key in keys)
            Assert.Equal(VerifyOutcome.Sound, (await cache.VerifyAsync(key))!.Outcome);
    }

    [Fact]
    public async Task It_goes_on_at_the_file_where_it_stopped_whatever_call_failed()
    {
        var keys = await FillAsync(2);
        Damage.FlipBit(FileOf(keys[1], 8), 5);
        // The place is noted after every slice; with a rate a slice is a file or three.
        var (looked, runs, found) = (0L, 0, 0);
        for (var n = 40; ; n += 40)
        {
            var calls = 0;
            var cache = Open(rate: 1_000_000, files: new FileSystem(call => ++calls > n ? Syscalls.EIO : 0));
            runs++;
            Assert.True(runs < 200);
            try
            {
                var report = await cache.ScrubAsync(new ScrubOptions { All = true, Heal = false });
                (looked, found) = (looked + report.Files, found + report.Broken.Count);
                if (report.IsCycleOver)
                {
                    Assert.Equal(1, report.Cycle);
                    break;
                }
            }
            catch (StorageException)
            {
                // Its disk died under it.
            }
        }
        Assert.True(runs > 2, $"only {runs} runs");
        Assert.StartsWith("8.bin", Open().Inspect(keys[1])!.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_torn_place_is_the_beginning()
    {
        await FillAsync(2);
        var cache = Open(period: TimeSpan.FromHours(2));
        var half = await cache.ScrubAsync();
        Assert.InRange(half.Files, 9, 11);
        await File.WriteAllTextAsync(Path.Join(fixture.Root, "scrub"), "{\"cycle\":1,\"sta");
        var report = await cache.ScrubAsync(new ScrubOptions { All = true });
        Assert.Equal((20, true), (report.Files, report.IsCycleOver));
    }

    [Fact]
    public async Task Two_scrubbers_do_not_work_at_once()
    {
        await FillAsync(1);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        time.BeforeWait = _ =>
        {
            waiting.TrySetResult();
            return false;
        };
        using var stop = new CancellationTokenSource();
        var first = Open(rate: 1000).ScrubAsync(new ScrubOptions { All = true }, stop.Token);
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(60));
        var refused = await Assert.ThrowsAsync<LockTimeoutException>(() => Open().ScrubAsync());
        Assert.Contains(fixture.Root, refused.Message, StringComparison.Ordinal);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        time.BeforeWait = null;
        Assert.True((await Open().ScrubAsync(new ScrubOptions { All = true })).IsCycleOver);
    }

    [Fact]
    [Trait("Fault", "16")]
    public async Task A_clock_that_is_set_an_hour_on_or_back_neither_stops_it_nor_sets_it_loose()
    {
        await FillAsync(4);
        var started = time.Elapsed;
        var random = new Random(5);
        var offset = 0;
        for (var calls = 0; ; calls++)
        {
            Assert.True(calls < 168 + 3, "it stopped");
            // Each call sees the clock right, an hour fast or an hour slow.
            var next = random.Next(-1, 2);
            time.SetClock(TimeSpan.FromHours(next - offset));
            offset = next;
            var report = await Open(period: TimeSpan.FromDays(7)).ScrubAsync();
            // A file is 4.2 of 168 hours' worth: never more than that, the step to the next call and what the clock lies by ahead of the time that has passed.
            Assert.True(report.Passed <= ((time.Elapsed - started).TotalHours + 10) / 168 || report.IsCycleOver, $"{report.Passed} after {(time.Elapsed - started).TotalHours} h");
            if (report.IsCycleOver)
                break;
            time.Advance(TimeSpan.FromHours(1));
        }
        Assert.InRange((time.Elapsed - started).TotalHours, 160, 171);
    }

    [Fact]
    [Trait("Fault", "16")]
    public async Task A_clock_that_was_years_ahead_when_the_cycle_began_does_not_stop_it()
    {
        await FillAsync(2);
        time.SetClock(TimeSpan.FromDays(3650));
        Assert.False((await Open().ScrubAsync()).IsCycleOver);
        time.SetClock(TimeSpan.FromDays(-3650));
        for (var calls = 0; !(await Open(period: TimeSpan.FromDays(7)).ScrubAsync()).IsCycleOver; calls++)
        {
            Assert.True(calls <= 8, "it stopped");
            time.Advance(TimeSpan.FromDays(1));
        }
    }

    [Fact]
    public async Task Entries_that_come_and_go_meanwhile_are_no_fault()
    {
        var keys = await FillAsync(4);
        var cache = Open(rate: 1_000_000);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var gone = new ManualResetEventSlim();
        var waits = 0;
        time.BeforeWait = _ =>
        {
            if (Interlocked.Increment(ref waits) == 3)
            {
                waiting.SetResult();
                Assert.True(gone.Wait(TimeSpan.FromSeconds(60)));
            }
            return true;
        };
        var scrubbing = cache.ScrubAsync(new ScrubOptions { All = true });
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(60));
        foreach (var key in keys[..3])
            Assert.Equal(EvictionOutcome.Evicted, (await fixture.Open().EvictAsync(key)).Outcome);
        gone.Set();
        var report = await scrubbing;
        Assert.Empty(report.Broken);
        Assert.True(report.IsCycleOver);
        Assert.Single(cache.List());
        Assert.InRange(report.Files, 10, 25);
    }

    [Fact]
    public async Task A_file_that_several_entries_share_is_read_once_in_a_cycle()
    {
        for (var version = 0; version < 3; version++)
        {
            fixture.Put("shared.bin", MemoryOrigin.Bytes(1, 500_000));
            fixture.Put("own.bin", MemoryOrigin.Bytes(10 + version, 10_000));
            await using var lease = await fixture.Open().AcquireAsync(fixture.Request(snapshot: $"snap_{version}"));
        }
        var cache = Open();
        Assert.Equal(530_000, (await cache.ScrubAsync(new ScrubOptions { All = true })).BytesRead);
        // Another process, another cycle: not by hearsay.
        Assert.Equal(530_000, (await Open().ScrubAsync(new ScrubOptions { All = true })).BytesRead);
    }

    [Fact]
    public async Task Maintaining_keeps_within_a_quota_that_was_lowered_and_scrubs_in_its_period_until_it_is_cancelled()
    {
        var keys = await FillAsync(4);
        var cache = fixture.Open(options => options with { MaxSize = 3 * 10 * 102_400, LowMarkPercent = 70, ScrubRate = 0, ScrubPeriod = TimeSpan.FromHours(3) }, time: time);
        using var stop = new CancellationTokenSource();
        var rounds = new List<MaintenanceRound>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cache.MaintainAsync(null, new Immediately(round =>
        {
            rounds.Add(round);
            if (rounds.Count == 200)
                stop.Cancel();
        }), stop.Token));
        Assert.Equal(2, rounds[0].Evicted);
        Assert.All(rounds.Skip(1), round => Assert.Equal(0, round.Evicted));
        Assert.Equal(2, cache.List().Count);
        Assert.All(rounds, round => Assert.Null(round.Failure));
        // 200 minutes: the first cycle's 20 files, evenly, and the beginning of the second.
        Assert.Equal(20, rounds.Where(round => round.Scrub!.Cycle == 1).Sum(round => round.Scrub!.Files));
        Assert.Equal(2, rounds[^1].Scrub!.Cycle);
        Assert.True(rounds.Skip(1).Max(round => round.Scrub!.Files) <= 2);
        Assert.NotEmpty(keys);
    }

    private sealed class Immediately(Action<MaintenanceRound> action) : IProgress<MaintenanceRound>
    {
        public void Report(MaintenanceRound value) => action(value);
    }
}
