using DatasetCache.Configuration;
using Xunit;

namespace DatasetCache.Cache.Tests.Configuration;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("50GB", 50_000_000_000)]
    [InlineData("50GiB", 53_687_091_200)]
    [InlineData("512MB", 512_000_000)]
    [InlineData("1.5 kb", 1_500)]
    [InlineData("123", 123)]
    [InlineData("7B", 7)]
    [InlineData("0", 0)]
    [InlineData("8PiB", 9_007_199_254_740_992)]
    public void A_size_is_read_with_its_unit(string text, long bytes)
    {
        Assert.True(Quantity.TryParseSize(text, out var parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("50G")]
    [InlineData("GB")]
    [InlineData("-5GB")]
    [InlineData("1,5GB")]
    [InlineData("1.2.3")]
    [InlineData("99999999PB")]
    [InlineData("99999999999999999999999999999GB")]
    [InlineData("5 apples")]
    public void What_is_no_size_is_refused(string text) => Assert.False(Quantity.TryParseSize(text, out _));

    [Theory]
    [InlineData("30s", 30_000)]
    [InlineData("5m", 300_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("2d", 172_800_000)]
    [InlineData("250ms", 250)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("0s", 0)]
    public void A_duration_is_read_with_its_unit(string text, long milliseconds)
    {
        Assert.True(Quantity.TryParseDuration(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
    }

    [Theory]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1w")]
    public void A_duration_without_a_known_unit_is_refused(string text) => Assert.False(Quantity.TryParseDuration(text, out _));

    [Fact]
    public void A_disk_floor_is_a_share_or_a_size()
    {
        Assert.True(DiskFloor.TryParse("5%", out var share));
        Assert.Equal(50, share.OnDisk(1_000));
        Assert.True(DiskFloor.TryParse("20GB", out var size));
        Assert.Equal(20_000_000_000, size.OnDisk(1_000));
        Assert.True(DiskFloor.TryParse("0%", out _));
        Assert.False(DiskFloor.TryParse("100%", out _));
        Assert.False(DiskFloor.TryParse("-1%", out _));
        Assert.False(DiskFloor.TryParse("NaN%", out _));
    }
}
