using DatasetCache.Cache.Tests.Moving;
using DatasetCache.Datasets;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

// Where the origin must not be asked.
public sealed partial class SharedRootsTests
{
    [Fact]
    public async Task Offline_a_shared_root_serves_and_nothing_is_sent()
    {
        PutTwo();
        var key = await FillLabAsync();
        var (listings, reads) = (fixture.Origin.Listings, fixture.Origin.Reads);
        await using (var lease = await Open(options => options with { Offline = true }).AcquireAsync(fixture.Request()))
            Assert.Equal((Small + Large, 0), (lease.SharedBytes, lease.BytesFromOrigin));
        await Assert.ThrowsAsync<OfflineException>(() => Open(options => options with { Offline = true }).AcquireAsync(fixture.Request(snapshot: "snap_2")));
        ExportImportTests.Flip(InLab(key, "a.jpg"), 7);
        var other = fixture.Root + "-2";
        await Assert.ThrowsAsync<OfflineException>(() => Open(options => options with { Offline = true, Root = other }).AcquireAsync(fixture.Request()));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(other, "snapshots")));
        Assert.Equal((listings, reads), (fixture.Origin.Listings, fixture.Origin.Reads));
    }

    [Fact]
    public async Task Offline_the_version_of_a_mutable_dataset_is_the_one_that_the_shared_root_knows()
    {
        PutTwo();
        var request = new AcquireRequest { Dataset = new DatasetRef { Origin = "datasets/cats", Selection = new Selection { Mode = SelectionMode.All } }, JobId = "job" };
        await using (await OpenLab().AcquireAsync(request)) { }
        var (listings, reads) = (fixture.Origin.Listings, fixture.Origin.Reads);
        fixture.Put("a.jpg", MemoryOrigin.Bytes(9, Small));
        var offline = Open(options => options with { Offline = true });
        string key;
        await using (var lease = await offline.AcquireAsync(request))
        {
            Assert.Equal((AcquireOutcome.Miss, Small + Large), (lease.Outcome, lease.SharedBytes));
            Assert.Equal(MemoryOrigin.Bytes(1, Small), await File.ReadAllBytesAsync(Path.Join(lease.Path, "a.jpg")));
            key = lease.CacheKey;
        }
        shared = "/nonexistent";
        await using (var lease = await Open(options => options with { Offline = true }).AcquireAsync(request with { JobId = null }))
            Assert.Equal((AcquireOutcome.Hit, key), (lease.Outcome, lease.CacheKey));
        Assert.Equal((listings, reads), (fixture.Origin.Listings, fixture.Origin.Reads));
        // Online its origin says what it is now, and what did not change comes from the lab.
        shared = null;
        await using var now = await Open(options => options with { FreshnessTtl = TimeSpan.Zero, Root = fixture.Root + "-2" }).AcquireAsync(request with { JobId = null });
        Assert.Equal((listings + 1, Small, Large), (fixture.Origin.Listings, now.BytesFromOrigin, now.SharedBytes));
    }
}
