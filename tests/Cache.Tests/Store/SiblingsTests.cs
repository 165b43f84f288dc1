using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

public sealed class SiblingsTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Theory]
    [InlineData(Syscalls.EMLINK)]
    [InlineData(Syscalls.EXDEV)]
    [InlineData(Syscalls.EPERM)]
    public async Task What_cannot_be_linked_is_copied_and_counts(int errno)
    {
        fixture.Put("deep/a.jpg", MemoryOrigin.Bytes(1, 300_000));
        await using var old = await fixture.Open().AcquireAsync(fixture.Request(snapshot: "snap_1"));
        var refused = 0;
        var cache = fixture.Open(files: new FileSystem(call => call is "link" && ++refused > 0 ? errno : 0));
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((1, 0, 300_000), (refused, lease.BytesFromOrigin, lease.ReusedBytes));
        Assert.Equal(SpaceLedger.Allocated(300_000), cache.Inspect(lease.CacheKey)!.OwnBytes);
        fixture.AssertHoldsTheOrigin(lease.Path, "deep/a.jpg");
        Assert.Equal((UnixFileMode)0x124, File.GetUnixFileMode(Path.Join(lease.Path, "deep/a.jpg")));
        using var one = new FileSystem().OpenRoot(old.Path);
        Assert.Equal(1u, one.Status("deep/a.jpg")!.Value.Links);
    }

    [Fact]
    public async Task Files_below_a_block_are_copied_and_larger_ones_are_one_file_with_two_names()
    {
        fixture.Put("small", MemoryOrigin.Bytes(1, StagingArea.SmallestShared - 1));
        fixture.Put("shared", MemoryOrigin.Bytes(2, StagingArea.SmallestShared));
        var cache = fixture.Open();
        await using var old = await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"));
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((0, (2 * StagingArea.SmallestShared) - 1), (lease.BytesFromOrigin, lease.ReusedBytes));
        using var tree = new FileSystem().OpenRoot(lease.Path);
        Assert.Equal((1u, 2u), (tree.Status("small")!.Value.Links, tree.Status("shared")!.Value.Links));
    }

    [Fact]
    public async Task An_object_of_the_same_name_and_size_with_another_ETag_is_fetched()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 50_000));
        var cache = fixture.Open();
        await using (await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"))) { }
        fixture.Put("a.jpg", MemoryOrigin.Bytes(2, 50_000));
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((50_000, 0), (lease.BytesFromOrigin, lease.ReusedBytes));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg");
    }
}
