using DatasetCache.Eviction;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class UsageTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Fact]
    public void A_use_counts_half_as_much_after_every_half_life()
    {
        var usage = default(Usage).Touch(Start, Day);
        Assert.Equal(1, usage.RecentUses);
        usage = usage.Touch(Start, Day).Touch(Start + Day, Day);
        Assert.Equal((3, 2.0), (usage.Uses, usage.RecentUses));
        Assert.Equal(1 + (2.0 / 4), usage.Touch(Start + (3 * Day), Day).RecentUses);
    }

    [Fact]
    public void A_clock_that_went_back_makes_no_use_count_more()
        => Assert.Equal(2, default(Usage).Touch(Start, Day).Touch(Start - (10 * Day), Day).RecentUses);

    [Fact]
    public void It_reads_back_and_a_torn_record_is_none()
    {
        var usage = default(Usage).Touch(Start, Day).Touch(Start + Day, Day);
        var bytes = usage.ToBytes();
        Assert.Equal(usage, Usage.FromBytes(bytes));
        bytes[3] ^= 1;
        Assert.Null(Usage.FromBytes(bytes));
        Assert.Null(Usage.FromBytes([]));
    }
}
