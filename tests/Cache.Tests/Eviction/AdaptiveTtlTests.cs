using DatasetCache.Eviction;
using FsCheck;
using FsCheck.Fluent;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class AdaptiveTtlTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AdaptiveTtl Ttl = new(TimeSpan.FromHours(24), TimeSpan.FromDays(30));

    [Theory]
    [InlineData(0, 24)]
    [InlineData(1, 48)]
    [InlineData(3, 72)]
    [InlineData(7, 96)]
    [InlineData(1e9, 24 * 30.897)] // 1 + log2(1e9 + 1)
    public void Use_prolongs_it_by_its_logarithm(double recentUses, double hours)
        => Assert.Equal(Math.Min(hours, 24 * 30), Ttl.Of(new Usage(Start, 1, recentUses), Start).TotalHours, 0.05);

    [Fact]
    public void Recent_uses_count_half_for_every_base_that_has_passed()
        => Assert.Equal(24 * (1 + Math.Log2(1 + (4 / 4.0))), Ttl.Of(new Usage(Start, 4, 4), Start + TimeSpan.FromHours(48)).TotalHours, 1e-6);

    [Fact]
    public void A_clock_that_went_back_expires_nothing_and_prolongs_nothing()
        => Assert.Equal(TimeSpan.FromHours(48), Ttl.Of(new Usage(Start, 1, 1), Start - TimeSpan.FromDays(9)));

    [Fact]
    public void It_expires_at_the_moment_when_its_age_reaches_its_ttl()
        => Prop.ForAll(Gen.Choose(0, 100_000).ToArbitrary(), uses =>
        {
            var usage = new Usage(Start, 1, uses / 10.0);
            var end = Ttl.ExpiresAt(usage);
            return Ttl.Of(usage, end - TimeSpan.FromSeconds(1)) > end - TimeSpan.FromSeconds(1) - Start
                && Ttl.Of(usage, end + TimeSpan.FromSeconds(1)) < end + TimeSpan.FromSeconds(1) - Start;
        }).QuickCheckThrowOnFailure();
}
