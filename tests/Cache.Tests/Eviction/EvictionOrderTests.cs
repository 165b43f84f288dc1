using DatasetCache.Eviction;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class EvictionOrderTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static EvictionCandidate Entry(string key, int usedHoursAgo, int expiresInHours, bool elsewhere = false, long uses = 1)
        => new(key, Now.AddHours(-usedHoursAgo), Now.AddHours(expiresInHours), elsewhere, 1, uses);

    [Fact]
    public void Expired_first_then_the_least_recently_used()
    {
        var order = EvictionOrder.Sort(
            [Entry("new", 1, 5), Entry("old", 9, 5), Entry("expired", 3, -1), Entry("expired-older", 30, -9), Entry("expires-now", 4, 0)], Now);
        Assert.Equal(["expired-older", "expires-now", "expired", "old", "new"], order.Select(entry => entry.CacheKey));
    }

    [Fact]
    public void What_another_node_holds_counts_as_unused_for_a_quarter_longer()
        => Assert.Equal(["copied", "old", "copied-new"], EvictionOrder.Sort([Entry("copied-new", 7, 5, elsewhere: true), Entry("old", 9, 5), Entry("copied", 8, 5, elsewhere: true)], Now).Select(entry => entry.CacheKey));

    [Fact]
    public void What_was_used_often_stays_longer_by_the_logarithm_of_its_uses()
        => Assert.Equal(["once", "often", "new"], EvictionOrder.Sort([Entry("often", 11, 5, uses: 8), Entry("once", 3, 5), Entry("new", 2, 5)], Now).Select(entry => entry.CacheKey));

    [Fact]
    public void Equals_have_the_same_order_whoever_asks()
        => Assert.Equal(["a", "b", "c"], EvictionOrder.Sort([Entry("c", 1, 1), Entry("a", 1, 1), Entry("b", 1, 1)], Now).Select(entry => entry.CacheKey));

    [Fact]
    public void Low_priority_goes_before_all_others_and_high_priority_after_them()
    {
        var order = EvictionOrder.Sort(
            [
                Entry("normal-expired", 9, -1), Entry("low", 1, 5) with { Priority = EntryPriority.Low }, Entry("high-expired", 30, -9) with { Priority = EntryPriority.High },
                Entry("normal", 5, 5), Entry("low-older", 2, 5) with { Priority = EntryPriority.Low }, Entry("high", 1, 5) with { Priority = EntryPriority.High },
            ], Now);
        Assert.Equal(["low-older", "low", "normal-expired", "normal", "high-expired", "high"], order.Select(entry => entry.CacheKey));
    }
}
