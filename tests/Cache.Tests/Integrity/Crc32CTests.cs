using DatasetCache.Integrity;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

public sealed class Crc32CTests
{
    [Fact]
    public void It_agrees_with_the_check_value_of_the_catalogue() => Assert.Equal(0xE3069283u, Crc32C.Of("123456789"u8));

    [Fact]
    public void It_does_not_matter_how_the_bytes_are_cut()
    {
        var bytes = MemoryOrigin.Bytes(1, 1000);
        var whole = Crc32C.Of(bytes);
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(whole, Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }
}
