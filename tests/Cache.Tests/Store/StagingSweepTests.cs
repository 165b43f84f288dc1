using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

public sealed class StagingSweepTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task A_download_cut_off_long_ago_is_resumed_by_the_get_that_comes_for_it()
    {
        await CutAsync();
        Age(everything: true);
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request());
        Assert.InRange(lease.ReusedBytes, 8_000_000, 9_000_000);
    }

    [Fact]
    public async Task A_download_that_began_long_ago_and_was_cut_off_just_now_is_kept_for_its_owner()
    {
        await CutAsync();
        Age(everything: false);
        fixture.Origin.Put("datasets/dogs/a.jpg", MemoryOrigin.Bytes(2, 6_000));
        var dogs = fixture.Request() with { Dataset = fixture.Request().Dataset with { DatasetId = "dogs", SnapshotId = "snap_dogs" } };
        await using (await fixture.Open().AcquireAsync(dogs)) { }
        Assert.True(Directory.Exists(fixture.Staged()));
        Age(everything: true);
        await using (await fixture.Open().AcquireAsync(dogs with { Dataset = dogs.Dataset with { SnapshotId = "snap_2" } })) { }
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task Litter_that_cannot_be_removed_keeps_nobody_from_his_dataset()
    {
        await CutAsync();
        Age(everything: true);
        fixture.Origin.Put("datasets/dogs/a.jpg", MemoryOrigin.Bytes(2, 6_000));
        var dogs = fixture.Request() with { Dataset = fixture.Request().Dataset with { DatasetId = "dogs", SnapshotId = "snap_dogs" } };
        var refused = 0;
        var failing = new FileSystem(call => call is "rmdir" && ++refused == 1 ? Syscalls.EACCES : 0);
        await using var lease = await fixture.Open(files: failing).AcquireAsync(dogs);
        Assert.True(refused > 0);
        Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
    }

    [Fact]
    public async Task A_sweep_that_takes_a_new_file_for_litter_costs_its_writer_nothing()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));
        await using (await fixture.Open().AcquireAsync(fixture.Request())) { }
        var swept = 0;
        var files = new FileSystem(call =>
        {
            // Between making the temporary file and locking it.
            foreach (var temporary in call is "flock" && swept == 0 ? Directory.GetFiles(Path.Join(fixture.Root, "staging"), "tmp-*") : [])
            {
                File.Delete(temporary);
                swept++;
            }
            return 0;
        });
        await using var lease = await fixture.Open(files: files).AcquireAsync(fixture.Request(1));
        Assert.Equal(1, swept);
        Assert.Single(Assert.Single(fixture.Open().List()).Holders);
    }

    private async Task CutAsync()
    {
        fixture.Put("large.bin", MemoryOrigin.Bytes(1, 9_000_000));
        fixture.Origin.Trim = (key, position, count) => position >= 8_500_000 ? throw new InvalidOperationException("cut") : count;
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open().AcquireAsync(fixture.Request()));
        fixture.Origin.Trim = null;
    }

    private void Age(bool everything)
    {
        var old = TimeProvider.System.GetUtcNow().UtcDateTime - StagingSweep.DefaultPatience - TimeSpan.FromHours(1);
        if (everything)
        {
            foreach (var file in Directory.EnumerateFiles(fixture.Staged()))
                File.SetLastWriteTimeUtc(file, old);
        }
        Directory.SetLastWriteTimeUtc(fixture.Staged(), old);
    }
}
