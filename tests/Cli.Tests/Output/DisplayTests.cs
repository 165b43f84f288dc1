using DatasetCache.Cli.Output;
using Xunit;

namespace DatasetCache.Cli.Tests.Output;

public sealed class DisplayTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1.0 kB")]
    [InlineData(9_949, "9.9 kB")]
    [InlineData(9_951, "10 kB")]
    [InlineData(999_499, "999 kB")]
    [InlineData(999_500, "1.0 MB")]
    [InlineData(50_000_000_000, "50 GB")]
    public void Sizes_count_in_thousands(long bytes, string expected) => Assert.Equal(expected, Display.Size(bytes));

    [Theory]
    [InlineData(0.4, "0 s")]
    [InlineData(59.9, "59 s")]
    [InlineData(185, "3 min 05 s")]
    [InlineData(7_620, "2 h 07 min")]
    [InlineData(442_800, "5 d 3 h")]
    public void Durations_show_two_units(double seconds, string expected) => Assert.Equal(expected, Display.Duration(TimeSpan.FromSeconds(seconds)));
}
