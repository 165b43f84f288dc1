using System.Security.Cryptography;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

public sealed class SpaceLedgerTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task What_does_not_fit_the_quota_is_refused_with_the_numbers_before_the_first_byte()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 100_000));
        var cache = fixture.Open(options => options with { MaxSize = 90_000 });
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(fixture.Request(1)));
        Assert.Equal((102_400, 90_000), (error.BytesNeeded, error.BytesAvailable)); // 25 blocks of 4 KiB
        Assert.Contains("102,400", error.Message, StringComparison.Ordinal);
        Assert.Contains("DSCACHE_MAX_SIZE", error.Advice, StringComparison.Ordinal);
        Assert.False(error.IsWorthRetrying);
        Assert.Equal(0, fixture.Origin.Reads);
    }

    [Fact]
    public async Task What_is_published_counts_against_the_quota_and_what_is_shared_counts_once()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 60_000));
        var cache = fixture.Open(options => options with { MaxSize = 100_000 });
        await using var first = await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"));
        await using var shared = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal(0, cache.Inspect(shared.CacheKey)!.OwnBytes);
        fixture.Put("b.jpg", MemoryOrigin.Bytes(2, 60_000));
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(fixture.Request(snapshot: "snap_3")));
        Assert.Equal((61_440, 100_000 - 61_440), (error.BytesNeeded, error.BytesAvailable));
        Assert.True(error.IsWorthRetrying); // As soon as something is freed.
    }

    [Fact]
    public async Task The_disk_keeps_its_floor()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 100_000));
        var cache = fixture.Open(options => options with { MinFree = DiskFloor.OfBytes(long.MaxValue / 2) });
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(fixture.Request(1)));
        Assert.Contains("must stay free", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, fixture.Origin.Reads);
    }

    [Fact]
    public async Task A_reservation_follows_what_is_written_so_that_nothing_counts_as_used_and_still_to_come()
    {
        const int size = 200_000_000;
        fixture.Put("x.bin", new byte[size]);
        var most = 0L;
        fixture.Origin.BeforeBytes = (_, _, _, _) =>
        {
            var bytes = File.ReadAllBytes(fixture.Staged("reserved"));
            var (reserved, written) = (BitConverter.ToInt64(bytes), BitConverter.ToInt64(bytes, 8));
            Assert.Equal(SpaceLedger.Allocated(size), reserved);
            Assert.InRange(written, 0, reserved);
            most = Math.Max(most, written);
            return default;
        };
        await using var lease = await fixture.Open(options => options with { Concurrency = 1 }).AcquireAsync(fixture.Request());
        Assert.True(most > size / 2, $"{most} of {size} bytes were noted as written");
    }

    [Fact]
    public async Task What_is_linked_counts_neither_as_reserved_nor_as_written()
    {
        fixture.Put("a.json", MemoryOrigin.Bytes(1, 50_000));
        var hash = Convert.ToHexStringLower(SHA256.HashData(MemoryOrigin.Bytes(1, 50_000)));
        var cache = fixture.Open();
        await using (await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"))) { }
        fixture.Put("b.jpg", MemoryOrigin.Bytes(2, 6_000));
        (long Reserved, long Written)? seen = null;
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            var bytes = File.ReadAllBytes(fixture.Staged("reserved"));
            seen = (BitConverter.ToInt64(bytes), BitConverter.ToInt64(bytes, 8));
            return default;
        };
        // The hash makes two phases: the metadata is linked in the first, and there when the second reserves.
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2", hash: hash));
        Assert.Equal((8_192, 0), seen);
    }

    [Fact]
    public async Task A_download_under_way_counts_and_an_abandoned_one_is_swept_when_its_space_is_needed()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 60_000));
        fixture.Origin.Put("datasets/dogs/a.jpg", MemoryOrigin.Bytes(2, 60_000));
        var dogs = fixture.Request(2) with { Dataset = fixture.Request().Dataset with { DatasetId = "dogs", SnapshotId = "snap_dogs" } };
        var cache = fixture.Open(options => options with { MaxSize = 100_000 });
        var entered = new TaskCompletionSource();
        var cut = new TaskCompletionSource();
        fixture.Origin.BeforeRead = async (key, _, _) =>
        {
            if (!key.Contains("cats", StringComparison.Ordinal))
                return;
            entered.TrySetResult();
            await cut.Task;
            throw new InvalidOperationException("cut");
        };
        var running = cache.AcquireAsync(fixture.Request(1));
        await entered.Task;
        await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(dogs));
        cut.SetResult();
        await Assert.ThrowsAsync<InvalidOperationException>(() => running);
        await using var lease = await cache.AcquireAsync(dogs);
        Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
    }
}
