using DatasetCache.Origins;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Transfers;

public sealed class OriginDownloadTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private Task<DatasetLease> Get(Func<CacheOptions, CacheOptions>? change = null) => fixture.Open(change).AcquireAsync(fixture.Request(1));

    [Theory]
    [InlineData(30_000)]
    [InlineData(19_000_000)]
    [Trait("Fault", "20")]
    public async Task A_body_that_ends_too_early_goes_on_where_it_stood(int size)
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, size));
        var cuts = 0;
        fixture.Origin.Trim = (_, position, count) =>
        {
            if (position < (cuts + 1) * (size / 5))
                return count > 10_000 ? 10_000 : count;
            cuts++;
            return 0;
        };
        await using var lease = await Get(options => options with { Attempts = 10, Concurrency = 1 });
        Assert.InRange(cuts, 3, 5);
        Assert.True(fixture.Origin.ServedEachByteOnce());
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "x.bin");
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task An_origin_that_always_ends_early_is_given_up_with_its_request_id()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, 30_000));
        fixture.Origin.Trim = (_, position, count) => position >= 100 ? 0 : Math.Min(count, 100);
        var error = await Assert.ThrowsAsync<OriginException>(() => Get());
        Assert.Equal(OriginFailure.Protocol, error.Failure);
        Assert.Equal(("datasets/cats/x.bin", 206, "request-1"), (error.ObjectKey, error.HttpStatus, error.RequestId));
        Assert.Contains("3 attempts", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, fixture.Origin.Reads);
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task A_body_that_goes_on_too_long_is_noticed()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, 30_000));
        var origin = new TooLong(fixture.Origin);
        await using var cache = LocalDatasetCache.Open(fixture.Options, origin);
        var error = await Assert.ThrowsAsync<OriginException>(() => cache.AcquireAsync(fixture.Request(1)));
        Assert.Contains("more than the 30000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task What_came_with_a_body_that_was_too_long_is_not_believed_by_the_next_get()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, 9_000_000));
        await using (var cache = LocalDatasetCache.Open(fixture.Options, new TooLong(fixture.Origin)))
            await Assert.ThrowsAsync<OriginException>(() => cache.AcquireAsync(fixture.Request(1)));
        await using var lease = await Get();
        Assert.Equal(0, lease.ReusedBytes);
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "x.bin");
    }

    [Fact]
    public async Task A_file_whose_last_two_claims_end_at_once_counts_once()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, OriginDownload.Span + 1_000_000));
        var ended = 0;
        var both = new TaskCompletionSource();
        fixture.Origin.BeforeBytes = async (_, _, left, cancel) =>
        {
            if (left > 0)
                return;
            if (Interlocked.Increment(ref ended) == 2)
                both.SetResult();
            await both.Task.WaitAsync(TimeSpan.FromSeconds(60), cancel);
        };
        await using var lease = await Get();
        Assert.Equal(2, ended);
        Assert.Equal(1, lease.FilesFromOrigin);
    }

    [Fact]
    public void Bytes_that_keep_coming_are_no_stall_however_short_the_timeout()
    {
        var time = new ManualTime();
        using var guard = new StallGuard(TimeSpan.FromMilliseconds(800), time, CancellationToken.None);
        guard.Start();
        for (var i = 0; i < 20; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(300));
            guard.Received(StallGuard.LeastBytes);
        }
        Assert.False(guard.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromMilliseconds(900));
        Assert.True(guard.Token.IsCancellationRequested);
    }

    [Fact]
    [Trait("Fault", "20")]
    public async Task A_connection_that_stands_still_is_cut_and_tried_again()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, 30_000));
        var stalls = 0;
        fixture.Origin.BeforeRead = async (_, number, cancel) =>
        {
            if (number == 1)
            {
                stalls++;
                await Task.Delay(Timeout.Infinite, cancel);
            }
        };
        await using var lease = await Get(options => options with { StallTimeout = TimeSpan.FromMilliseconds(100) });
        Assert.Equal(1, stalls);
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "x.bin");
    }

    [Fact]
    [Trait("Fault", "19")]
    public async Task Only_transient_errors_are_tried_again_and_not_for_ever()
    {
        fixture.Put("x.bin", MemoryOrigin.Bytes(1, 30_000));
        foreach (var (failure, reads) in new[] { (OriginFailure.ServerError, 3), (OriginFailure.Throttled, 3), (OriginFailure.Network, 3), (OriginFailure.AccessDenied, 1), (OriginFailure.NotFound, 1), (OriginFailure.Rejected, 1) })
        {
            var before = fixture.Origin.Reads;
            fixture.Origin.BeforeRead = (key, _, _) => throw new OriginException(failure, $"{failure} for {key}", key, 500, "id-7");
            var error = await Assert.ThrowsAsync<OriginException>(() => Get());
            Assert.Equal((failure, "id-7"), (error.Failure, error.RequestId));
            Assert.Equal(reads, fixture.Origin.Reads - before);
            Assert.Equal(reads > 1, error.IsWorthRetrying);
        }
    }

    [Fact]
    [Trait("Fault", "19")]
    public void Delays_grow_are_capped_and_jittered_and_heed_what_the_origin_asks()
    {
        var policy = new RetryPolicy(100, TimeProvider.System, new Random(1));
        for (var failed = 1; failed < 40; failed++)
        {
            var ceiling = TimeSpan.FromTicks((long)Math.Min(RetryPolicy.Longest.Ticks, RetryPolicy.First.Ticks * Math.Pow(2, failed - 1)));
            var delays = Enumerable.Range(0, 50).Select(_ => policy.DelayFor(failed, asked: null)).ToArray();
            Assert.All(delays, delay => Assert.InRange(delay, TimeSpan.Zero, ceiling));
            Assert.True(delays.Distinct().Count() > 40);
            Assert.True(delays.Max() > ceiling / 2);
        }
        Assert.InRange(policy.DelayFor(1, TimeSpan.FromSeconds(5)), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(6));
        Assert.InRange(policy.DelayFor(1, TimeSpan.FromDays(1)), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(61));
    }

    [Fact]
    [Trait("Fault", "19")]
    public async Task An_origin_that_asks_for_time_is_given_it()
    {
        var time = new ManualTime();
        var busy = new OriginException(OriginFailure.Throttled, "busy", retryAfter: TimeSpan.FromSeconds(5));
        var waiting = new RetryPolicy(3, time).BeforeNextAsync(busy, 1, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        await waiting.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_is_under_way_never_exceeds_its_budget()
    {
        for (var i = 0; i < 60; i++)
            fixture.Put($"{i}.bin", MemoryOrigin.Bytes(i, 1_000_000));
        var open = 0;
        var most = 0;
        fixture.Origin.BeforeRead = async (_, _, _) =>
        {
            var now = Interlocked.Increment(ref open);
            InterlockedMax(ref most, now);
            await Task.Yield();
        };
        fixture.Origin.Trim = (_, position, count) =>
        {
            if (position + count >= 1_000_000)
                Interlocked.Decrement(ref open);
            return count;
        };
        await using var lease = await Get(options => options with { Concurrency = 60 });
        Assert.InRange(most, 2, OriginDownload.Unrecorded / 1_000_000);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    /// <summary>A clock that stands until it is moved, with the one timer of a guard.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private readonly List<Timer> timers = [];
        private long now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public void Advance(TimeSpan by)
        {
            now += by.Ticks;
            foreach (var timer in timers.ToArray())
                timer.Look();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(this, () => callback(state));
            timer.Change(dueTime, period);
            timers.Add(timer);
            return timer;
        }

        private sealed class Timer(ManualTime time, Action fire) : ITimer
        {
            private long due = long.MaxValue;

            public void Look()
            {
                if (time.now < due)
                    return;
                due = long.MaxValue;
                fire();
            }

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : time.now + dueTime.Ticks;
                return true;
            }

            public void Dispose() => due = long.MaxValue;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }

    /// <summary>Gives a byte more than was asked for, as an origin that ignores the end of a range does.</summary>
    private sealed class TooLong(MemoryOrigin inner) : IOrigin, IOriginFactory
    {
        public string Identity => inner.Identity;

        public (IOrigin Origin, string Prefix) Open(string? origin) => (this, "");

        public IAsyncEnumerable<OriginObject> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

        public ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken) => ValueTask.FromResult<OriginBody>(new Endless());

        public void Dispose()
        {
        }

        private sealed class Endless : OriginBody
        {
            public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => ValueTask.FromResult(buffer.Length);

            public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
