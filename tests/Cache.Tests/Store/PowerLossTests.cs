using DatasetCache.Integrity;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

/// <summary>The power goes while a cache works on a file system of its own: everything that was not synced is lost.</summary>
public sealed class PowerLossTests
{
    private readonly MemoryOrigin origin = new();

    private LocalDatasetCache Open(LoopDisk disk) => LocalDatasetCache.Open(
        new CacheOptions { Root = Path.Join(disk.Path, "cache"), MaxSize = 1_000_000_000, MinFree = DiskFloor.OfBytes(0), Attempts = 1 }, origin);

    private static AcquireRequest Request(int number) => new()
    {
        Dataset = new() { SnapshotId = $"snap_{number}", DatasetId = "cats", Selection = new() { Mode = DatasetCache.Datasets.SelectionMode.All } },
    };

    private void AssertIntact(string snapshot)
    {
        foreach (var name in new[] { "a.bin", "deep/er/b.bin", "small.txt" })
            Assert.Equal(origin.Content("datasets/cats/" + name), File.ReadAllBytes(Path.Join(snapshot, name)));
    }

    [Fault(2)]
    public async Task Every_dataset_that_was_acknowledged_is_intact_after_a_power_cut_and_so_is_its_pin()
    {
        using var disk = await LoopDisk.TryCreateAsync(128 << 20);
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        var fault = new FaultCase(2);
        fault.Guard(Path.Join(disk.Path, "theirs"));
        await disk.SyncAsync();
        origin.Put("datasets/cats/deep/er/b.bin", MemoryOrigin.Bytes(2, 300_000));
        origin.Put("datasets/cats/small.txt", "small");
        var keys = new List<string>();
        for (var round = 0; round < (FaultCase.IsLong ? 12 : 4); round++)
        {
            // The next version shares files with the one before, by hard links that must survive too.
            origin.Put("datasets/cats/a.bin", MemoryOrigin.Bytes(100 + round, 5_000_000));
            var unsynced = Path.Join(disk.Path, $"unsynced-{round}");
            await using (var cache = Open(disk))
            {
                await using (var lease = await cache.AcquireAsync(Request(round)))
                {
                    Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
                    keys.Add(lease.CacheKey);
                }
                if (round == 0)
                    Assert.True(cache.Pin(keys[0]));
                await File.WriteAllTextAsync(unsynced, "Nobody asked for this to be kept.");
            }
            await disk.CutPowerAsync();
            Assert.False(File.Exists(unsynced), "The power was not cut.");
            fault.Fired();

            await using var after = Open(disk);
            Assert.Equal(keys.Order(StringComparer.Ordinal), after.List().Select(entry => entry.CacheKey));
            fault.Kept(after.Inspect(keys[0])!.IsPinned, "the pinned entry");
            foreach (var key in keys)
                fault.Whole((await after.VerifyAsync(key, new VerifyOptions { Level = VerifyLevel.Pieces, Heal = false }))!.Outcome == VerifyOutcome.Sound, key);
            await using var hit = await fault.HealsAsync(() => after.AcquireAsync(Request(round)));
            Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
            AssertIntact(hit.SnapshotPath);
            fault.Worst(hit.BytesFromOrigin, "acknowledged bytes lost");
            after.Sweep(TimeSpan.Zero);
            fault.NoOrphans(Path.Join(disk.Path, "cache"));
        }
        // Of each version what changed, and nothing again.
        fault.ReadOnce(origin.BytesServed - (keys.Count * 5_000_000L) - 300_005);
        fault.End();
    }

    [Fact]
    [Trait("Fault", "2")]
    public async Task A_download_that_a_power_cut_ends_is_resumed_or_begun_again_and_never_ready_half_way()
    {
        using var disk = await LoopDisk.TryCreateAsync(192 << 20);
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        origin.Put("datasets/cats/deep/er/b.bin", MemoryOrigin.Bytes(2, 300_000));
        origin.Put("datasets/cats/small.txt", "small");
        // First nothing was synced, then the journal was, as the kernel does it in the background, and of the bytes what it happened to write.
        foreach (var synced in new[] { false, true })
        {
            origin.Put("datasets/cats/a.bin", MemoryOrigin.Bytes(synced ? 11 : 10, 40_000_000));
            origin.Trim = (_, position, count) => position > 20_000_000 ? throw new InvalidOperationException("cut") : count;
            await using (var cache = Open(disk))
                await Assert.ThrowsAsync<InvalidOperationException>(() => cache.AcquireAsync(Request(synced ? 1 : 0)));
            origin.Trim = null;
            if (synced)
                await disk.SyncAsync();
            await disk.CutPowerAsync();

            await using var after = Open(disk);
            Assert.Null(after.List().SingleOrDefault(entry => entry.SnapshotId == (synced ? "snap_1" : "snap_0")));
            await using var lease = await after.AcquireAsync(Request(synced ? 1 : 0));
            Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
            AssertIntact(lease.SnapshotPath);
        }
    }
}
