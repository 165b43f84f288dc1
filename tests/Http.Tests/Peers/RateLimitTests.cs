using DatasetCache.Http.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class RateLimitTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    [Fact]
    public async Task What_passes_is_what_the_limit_says()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 1_000_000 };
        var passed = await RunAsync(limit, time, TimeSpan.FromSeconds(10), 8);
        Assert.InRange(passed.Sum(), 9_900_000, 10_400_000);
    }

    [Fact]
    public async Task All_who_wait_get_the_same()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 1_000_000 };
        var passed = await RunAsync(limit, time, TimeSpan.FromSeconds(10), 20);
        Assert.True(passed.Max() - passed.Min() <= 2 * limit.Portion(int.MaxValue), string.Join(' ', passed));
    }

    [Fact]
    public async Task Nobody_waits_long_for_a_portion()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 100_000 };
        var longest = TimeSpan.Zero;
        await RunAsync(limit, time, TimeSpan.FromSeconds(20), 40, waited => longest = waited > longest ? waited : longest);
        Assert.InRange(longest, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(1400));
    }

    [Theory]
    [InlineData(100_000, 1_000_000)]
    [InlineData(1_000_000, 100_000)]
    [InlineData(0, 100_000)]
    public async Task A_change_takes_hold_within_a_second(long before, long after)
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = before };
        if (before > 0)
            await RunAsync(limit, time, TimeSpan.FromSeconds(3), 10);
        limit.PerSecond = after;
        await RunAsync(limit, time, TimeSpan.FromSeconds(1), 10);
        Assert.InRange((await RunAsync(limit, time, TimeSpan.FromSeconds(5), 10)).Sum(), 4.7 * after, 5.4 * after);
    }

    [Fact]
    public async Task Lifting_the_limit_lets_go_who_waits()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 1024 };
        time.Advance(Tick);
        await limit.TakeAsync(1_000_000, CancellationToken.None);
        var waiting = limit.TakeAsync(1, CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);
        limit.PerSecond = 0;
        await waiting;
    }

    [Fact]
    public async Task Who_comes_later_does_not_overtake_though_the_timer_is_late()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 1000 };
        time.Advance(Tick);
        await limit.TakeAsync(1000, CancellationToken.None);
        var first = limit.TakeAsync(1, CancellationToken.None).AsTask();
        time.Pass(TimeSpan.FromSeconds(5));
        var second = limit.TakeAsync(1, CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted);
        time.Advance(Tick);
        await first;
        await second;
    }

    [Fact]
    public async Task Who_gives_up_takes_nothing()
    {
        var time = new SteppedTime();
        using var limit = new RateLimit(time) { PerSecond = 1000 };
        time.Advance(Tick);
        await limit.TakeAsync(1000, CancellationToken.None);
        using var cancel = new CancellationTokenSource();
        var given = limit.TakeAsync(1_000_000, cancel.Token).AsTask();
        var next = limit.TakeAsync(1, CancellationToken.None).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        time.Advance(TimeSpan.FromSeconds(2));
        await next;
    }

    [Fact]
    public async Task Processor_time_is_paid_off_afterwards()
    {
        var time = new SteppedTime();
        using var caps = new TransferCaps(new TransferLimits { CpuPercent = 1 }, time);
        time.Advance(Tick);
        await caps.CpuAsync(CancellationToken.None);
        var mark = caps.CpuMark();
        var sum = 0L;
        while (Native.ThreadCpuNanoseconds() - mark < 100_000_000)
            sum++;
        caps.CpuUsed(mark);
        var waiting = caps.CpuAsync(CancellationToken.None).AsTask();
        // 0.1 s of one processor is a percent of 10 s of it.
        time.Advance(TimeSpan.FromSeconds(9.0 / Environment.ProcessorCount));
        Assert.False(waiting.IsCompleted, $"{sum}");
        time.Advance(TimeSpan.FromSeconds(60));
        await waiting;
    }

    [Fact]
    public async Task Slots_can_become_more_and_fewer()
    {
        var slots = new Slots(1);
        await slots.EnterAsync(CancellationToken.None);
        var second = slots.EnterAsync(CancellationToken.None).AsTask();
        var third = slots.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted);
        slots.Limit = 2;
        await second;
        Assert.False(third.IsCompleted);
        slots.Limit = 1;
        slots.Leave();
        Assert.False(third.IsCompleted);
        slots.Leave();
        await third;
        var time = new SteppedTime();
        var refused = slots.TryEnterAsync(TimeSpan.FromSeconds(1), time).AsTask();
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await refused);
        slots.Leave();
        Assert.Equal(0, slots.Taken);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused_by_name()
    {
        using var caps = new TransferCaps(TransferLimits.Default, new SteppedTime());
        Assert.Contains("cluster.upload", Assert.Throws<ConfigurationException>(() => caps.Change(new TransferLimits { UploadBytesPerSecond = -1 })).Message, StringComparison.Ordinal);
        Assert.Contains("cluster.cpu", Assert.Throws<ConfigurationException>(() => caps.Change(new TransferLimits { CpuPercent = 101 })).Message, StringComparison.Ordinal);
        Assert.Contains("TransferLimits.MaxUploads", Assert.Throws<ConfigurationException>(() => caps.Change(new TransferLimits { MaxUploads = 0 })).Message, StringComparison.Ordinal);
        Assert.Same(TransferLimits.Default, caps.Limits);
    }

    /// <summary>Takers that come again as soon as they are served; the clock only goes on when all of them wait.</summary>
    private static async Task<long[]> RunAsync(RateLimit limit, SteppedTime time, TimeSpan duration, int takers, Action<TimeSpan>? waited = null)
    {
        var passed = new long[takers];
        var waits = new Task?[takers];
        var since = new TimeSpan[takers];
        var amounts = new int[takers];
        using var end = new CancellationTokenSource();
        for (var until = time.Passed + duration; time.Passed < until; time.Advance(Tick))
        {
            for (var hasMoved = true; hasMoved;)
            {
                hasMoved = false;
                // Who was let go is on its way on another thread.
                while (waits.Count(wait => wait?.IsCompleted == false) > limit.Waiting)
                    await Task.Yield();
                for (var i = 0; i < takers; i++)
                {
                    if (waits[i] is { IsCompleted: false })
                        continue;
                    if (waits[i] is { } done)
                    {
                        await done;
                        passed[i] += amounts[i];
                        waited?.Invoke(time.Passed - since[i]);
                    }
                    amounts[i] = limit.Portion(1 << 20);
                    since[i] = time.Passed;
                    waits[i] = limit.TakeAsync(amounts[i], end.Token).AsTask();
                    hasMoved = true;
                }
            }
        }
        await end.CancelAsync();
        return passed;
    }
}
