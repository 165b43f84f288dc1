using DatasetCache.Cli.Progress;
using Xunit;

namespace DatasetCache.Cli.Tests.Progress;

public sealed class TransferRateTests
{
    private readonly ManualTime time = new();

    [Fact]
    public void The_rate_is_that_of_the_last_ten_seconds()
    {
        var rate = new TransferRate(time);
        for (var second = 0; second <= 20; second++)
        {
            // 1 MB/s at first, then 3 MB/s.
            rate.Add(second <= 10 ? second * 1_000_000L : 10_000_000 + ((second - 10) * 3_000_000L));
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3_000_000, rate.BytesPerSecond!.Value, tolerance: 1);
        Assert.Equal(TimeSpan.FromSeconds(2), rate.TimeLeft(6_000_000));
    }

    [Fact]
    public void Nothing_is_promised_while_nothing_moves()
    {
        var rate = new TransferRate(time);
        Assert.Null(rate.BytesPerSecond);

        rate.Add(5);
        time.Advance(TimeSpan.FromSeconds(5));
        rate.Add(5);

        Assert.Equal(0, rate.BytesPerSecond);
        Assert.Null(rate.TimeLeft(100));
    }

    private sealed class ManualTime : TimeProvider
    {
        private long now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public void Advance(TimeSpan by) => now += by.Ticks;
    }
}
