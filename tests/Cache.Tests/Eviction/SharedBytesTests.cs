using DatasetCache.Eviction;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Eviction;

/// <summary>Versions of a dataset share files by hard link; the quota must hold whichever of them goes.</summary>
public sealed class SharedBytesTests : IAsyncDisposable
{
    private const long Shared = 61_440;
    private readonly CacheFixture fixture = new();
    private readonly FakeTime time = new();
    private readonly LocalDatasetCache cache;

    public SharedBytesTests()
    {
        cache = fixture.Open(options => options with { MaxSize = 120_000 }, time: time);
        fixture.Put("shared.jpg", MemoryOrigin.Bytes(1, (int)Shared));
    }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private async Task<string> VersionAsync(int version, int? job = null)
    {
        fixture.Put("own.jpg", MemoryOrigin.Bytes(100 + version, 8_000));
        await using var lease = await cache.AcquireAsync(fixture.Request(job, snapshot: $"snap_{version}"));
        time.Advance(TimeSpan.FromMinutes(1));
        return lease.CacheKey;
    }

    private long Charged(string key) => cache.Inspect(key)!.OwnBytes;

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(2, 1, 0)]
    [InlineData(1, 0, 2)]
    public async Task Shared_bytes_are_charged_to_one_that_is_there_until_the_last_goes(int first, int second, int third)
    {
        string[] keys = [await VersionAsync(0), await VersionAsync(1), await VersionAsync(2)];
        Assert.Equal(Shared + (3 * 8_192), cache.Space().Entries);
        Assert.Equal(8_192, (await cache.EvictAsync(keys[first])).FreedBytes);
        Assert.Equal(Shared + (2 * 8_192), cache.Space().Entries);
        Assert.Equal(8_192, (await cache.EvictAsync(keys[second])).FreedBytes);
        Assert.Equal(Shared + 8_192, Charged(keys[third]));
        Assert.Equal(Shared + 8_192, fixture.Open().Space().Entries);
        Assert.Equal(Shared + 8_192, (await cache.EvictAsync(keys[third])).FreedBytes);
        Assert.Equal(0, cache.Space().Used);
    }

    [Fact]
    public async Task An_eviction_cut_short_between_charging_and_going_charges_nothing_twice_for_good()
    {
        var (first, second) = (await VersionAsync(0), await VersionAsync(1));
        var renames = 0;
        var dying = new FileSystem(call => call is "rename" && ++renames == 2 ? 5 : 0); // The first puts the charge down, the second would move the tree.
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open(files: dying).EvictAsync(first));
        Assert.Equal(Shared + 8_192, Charged(second));
        Assert.Equal(Shared + 8_192, Charged(first)); // Too much for now: the quota holds.
        await cache.EvictAsync(first);
        Assert.Equal(Shared + 8_192, Charged(second));
        Assert.Equal(Shared + 8_192, cache.Space().Used);
    }

    [Fact]
    public async Task An_eviction_cut_short_after_it_began_is_finished_by_the_next_who_needs_space()
    {
        var (first, second) = (await VersionAsync(0), await VersionAsync(1));
        var renames = 0;
        var dying = new FileSystem(call => call is "rename" && ++renames == 3 ? 5 : 0); // The tree is away, entries/KEY is not.
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open(files: dying).EvictAsync(first));
        Assert.Null(cache.Inspect(first));
        await VersionAsync(2);
        Assert.Equal(Shared + (2 * 8_192), cache.Space().Used);
        await using (var again = await cache.AcquireAsync(fixture.Request(snapshot: "snap_0")))
            Assert.Equal(AcquireOutcome.Miss, again.Outcome);
        await cache.PruneAsync(new PruneFilter { Orphaned = true });
        fixture.AssertStagingIsClean();
        Assert.NotNull(cache.Inspect(second));
    }

    [Fact]
    public async Task An_entry_whose_files_all_live_on_in_a_protected_one_is_not_evicted_in_vain()
    {
        fixture.Put("own.jpg", MemoryOrigin.Bytes(100, 8_000));
        string first;
        await using (var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_0")))
            first = lease.CacheKey;
        await using var second = await cache.AcquireAsync(fixture.Request(snapshot: "snap_same"));
        fixture.Origin.Put("datasets/dogs/a.bin", MemoryOrigin.Bytes(9, 80_000));
        var dogs = fixture.Request() with { Dataset = fixture.Request().Dataset with { DatasetId = "dogs", SnapshotId = "snap_dogs" } };
        await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(dogs));
        Assert.NotNull(cache.Inspect(first));
        await second.DisposeAsync();
        // Neither frees anything alone; both together do.
        await using var fits = await cache.AcquireAsync(dogs);
        Assert.Equal([fits.CacheKey], cache.List().Select(entry => entry.CacheKey));
    }

    [Fact]
    public async Task A_new_version_costs_its_predecessor_only_where_both_do_not_fit()
    {
        var first = await VersionAsync(0);
        fixture.Put("big.jpg", MemoryOrigin.Bytes(5, 40_000)); // 69,632 + 40,960 + 8,192 fit into 120,000.
        fixture.Origin.ForgetServed();
        await VersionAsync(1);
        Assert.NotNull(cache.Inspect(first));
        Assert.Equal(48_000, fixture.Origin.BytesServed);
        fixture.Put("big.jpg", MemoryOrigin.Bytes(6, 45_000)); // 114,688 alone, too much beside the 49,152 that only version 1 has.
        var third = await VersionAsync(2);
        Assert.True(cache.Space().Used <= 120_000);
        Assert.NotNull(cache.Inspect(third));
    }

    [Fact]
    public async Task A_quarantined_entry_leaves_its_charge_to_those_who_share_with_it()
    {
        var (first, second) = (await VersionAsync(0), await VersionAsync(1));
        File.Delete(Path.Join(fixture.Root, "snapshots", first, "own.jpg"));
        Assert.False((await cache.VerifyAsync(first))!.Found.IsSound);
        Assert.Null(cache.Inspect(first));
        Assert.Equal(Shared + 8_192, Charged(second));
    }

    [Fact]
    public async Task Links_that_a_dead_download_left_are_nobodys()
    {
        var first = await VersionAsync(0);
        fixture.Put("own.jpg", MemoryOrigin.Bytes(300, 8_000));
        fixture.Origin.BeforeRead = (_, _, _) => throw new InvalidOperationException("cut");
        await Assert.ThrowsAsync<InvalidOperationException>(() => cache.AcquireAsync(fixture.Request(snapshot: "snap_dead")));
        fixture.Origin.BeforeRead = null;
        var linked = fixture.Staged("tree", "shared.jpg");
        Assert.True(File.Exists(linked));
        await cache.EvictAsync(first);
        Assert.False(File.Exists(linked));
    }

    [Fact]
    public async Task A_download_under_way_keeps_the_entry_that_it_links_from()
    {
        var first = await VersionAsync(0);
        fixture.Put("own.jpg", MemoryOrigin.Bytes(300, 8_000));
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        fixture.Origin.BeforeRead = async (_, _, _) =>
        {
            entered.TrySetResult();
            await go.Task;
        };
        var running = cache.AcquireAsync(fixture.Request(snapshot: "snap_new"));
        await entered.Task;
        Assert.Equal(ProtectionKind.Lease, Assert.Single((await cache.EvictAsync(first)).Protections).Kind);
        go.SetResult();
        await using var lease = await running;
        Assert.Equal(EvictionOutcome.Evicted, (await cache.EvictAsync(first)).Outcome);
        Assert.Equal(Shared + 8_192, cache.Space().Used);
    }

    [Fact]
    public async Task A_clock_that_went_back_charges_nobody_wrongly()
    {
        var first = await VersionAsync(0);
        time.Advance(TimeSpan.FromHours(-5));
        var second = await VersionAsync(1);
        await cache.EvictAsync(first);
        Assert.Equal(Shared + 8_192, Charged(second));
    }

    [Fact]
    public async Task A_torn_book_charges_for_everything()
    {
        var (first, second) = (await VersionAsync(0), await VersionAsync(1));
        await cache.EvictAsync(first);
        File.WriteAllText(Path.Join(fixture.Root, "entries", second, "inherited"), "614");
        Assert.True(Charged(second) >= Shared + 8_192);
    }

    [Fact]
    public async Task What_a_dead_download_had_fetched_before_a_protected_version_had_it_too_gives_way_to_a_link()
    {
        var wide = fixture.Open(options => options with { MaxSize = 200_000 }, time: time);
        fixture.Put("own.jpg", MemoryOrigin.Bytes(100, 8_000));
        fixture.Origin.Trim = (key, _, count) => key.EndsWith("own.jpg", StringComparison.Ordinal) ? throw new InvalidOperationException("cut") : count;
        await Assert.ThrowsAsync<InvalidOperationException>(() => wide.AcquireAsync(fixture.Request(snapshot: "snap_0")));
        fixture.Origin.Trim = null;
        fixture.Put("own.jpg", MemoryOrigin.Bytes(101, 8_000));
        await using var kept = await wide.AcquireAsync(fixture.Request(job: 1, snapshot: "snap_1"));

        // Two copies of what they share are more than the lower quota.
        fixture.Put("own.jpg", MemoryOrigin.Bytes(100, 8_000));
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_0"));

        Assert.Equal(8_000, lease.BytesFromOrigin);
        Assert.Equal((Shared + 8_192, 8_192), (Charged(kept.CacheKey), Charged(lease.CacheKey)));
        fixture.AssertHoldsTheOrigin(lease.Path, "shared.jpg", "own.jpg");
    }
}
