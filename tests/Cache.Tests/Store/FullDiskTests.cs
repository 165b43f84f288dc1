using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

/// <summary>A cache on a real file system of 32 MiB that others fill too.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private readonly MemoryOrigin origin = new();
    private LoopDisk? disk;

    private string Disk => disk!.Path;

    public async ValueTask InitializeAsync() => disk = await LoopDisk.TryCreateAsync(32 << 20, "-O", "^has_journal", "-N", "256");

    public ValueTask DisposeAsync()
    {
        disk?.Dispose();
        return ValueTask.CompletedTask;
    }

    private LocalDatasetCache Open() => LocalDatasetCache.Open(
        new CacheOptions { Root = Path.Join(Disk, "cache"), MaxSize = 1_000_000_000, MinFree = DiskFloor.OfBytes(0), Attempts = 1 }, origin);

    private AcquireRequest Dataset(string name, int size)
    {
        origin.Put($"datasets/{name}/a.bin", MemoryOrigin.Bytes(name[0], size));
        return new AcquireRequest { Dataset = new() { SnapshotId = "snap_" + name, DatasetId = name, Selection = new() { Mode = DatasetCache.Datasets.SelectionMode.All } } };
    }

    [Fact]
    [Trait("Fault", "4")]
    public async Task What_does_not_fit_the_disk_makes_room_by_evicting()
    {
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        await using var cache = Open();
        await using (await cache.AcquireAsync(Dataset("first", 20_000_000)))
        {
        }
        await using var second = await cache.AcquireAsync(Dataset("second", 25_000_000));
        Assert.Equal([second.CacheKey], cache.List().Select(entry => entry.CacheKey));
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(Dataset("third", 25_000_000)));
        Assert.Contains("1 entry of 25,001,984 bytes in use by running processes", error.Message, StringComparison.Ordinal);
        Assert.Equal(25_000_000, new FileInfo(Path.Join(second.Path, "a.bin")).Length);
    }

    [FaultTheory(4)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_disk_that_others_fill_under_a_download_costs_what_is_unprotected_or_the_download_and_nothing_else(bool evictable)
    {
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        var fault = new FaultCase(4);
        fault.Guard(Path.Join(Disk, "theirs"));
        await using var cache = Open();
        var first = await cache.AcquireAsync(Dataset("first", 8_000_000));
        if (evictable)
            await first.DisposeAsync();
        var request = Dataset("second", 20_000_000);
        var fired = 0;
        origin.Trim = (_, position, count) =>
        {
            // Reserved is reserved, but the disk is not ours alone.
            if (position > 1_000_000 && fired++ == 0)
                FillUp(leave: 0);
            return count;
        };
        if (evictable)
        {
            // Room for the rest is made once, by evicting; what others took is theirs.
            var full = Path.Join(Disk, "others");
            cache.Evicted += (_, _) => File.Delete(full);
            await using var second = await cache.AcquireAsync(request);
            fault.HandedOut(second.Path, [KeyValuePair.Create("a.bin", origin.Content("datasets/second/a.bin"))]);
            Assert.Null(cache.Inspect(first.CacheKey));
            // What was in memory when the disk refused it.
            fault.ReadOnce(origin.Repeated, allowed: 4 << 20);
        }
        else
        {
            await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(request));
            Assert.Equal([first.CacheKey], cache.List().Select(entry => entry.CacheKey));
            // The partial download is gone at once.
            fault.NoOrphans(Path.Join(Disk, "cache"));
            fault.Kept(File.ReadAllBytes(Path.Join(first.Path, "a.bin")).AsSpan().SequenceEqual(origin.Content("datasets/first/a.bin")), "the leased dataset");
            // Alive, and as good as new when there is space again.
            File.Delete(Path.Join(Disk, "others"));
            await using var second = await fault.HealsAsync(() => cache.AcquireAsync(request));
            fault.HandedOut(second.Path, [KeyValuePair.Create("a.bin", origin.Content("datasets/second/a.bin"))]);
            // What had come of it was given back with the space.
            fault.Worst(origin.Repeated, "bytes read twice");
        }
        cache.Sweep(TimeSpan.Zero);
        fault.NoOrphans(Path.Join(Disk, "cache"));
        fault.Fired(fired);
        fault.End();
    }

    [Fault(4)]
    public async Task A_disk_without_inodes_is_a_full_disk_that_heals_by_evicting()
    {
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        var fault = new FaultCase(4);
        await using var cache = Open();
        for (var i = 0; i < 100; i++)
            origin.Put($"datasets/many/{i:d3}.bin", MemoryOrigin.Bytes(i, 5_000));
        var first = await cache.AcquireAsync(Dataset("many", 100));
        for (var i = 0; i < 100; i++)
            origin.Put($"datasets/more/{i:d3}.bin", MemoryOrigin.Bytes(1_000 + i, 5_000));
        var others = 0;
        try
        {
            for (; others < 1_000; others++)
                File.Create(Path.Join(Disk, $"other-{others}")).Dispose();
        }
        catch (IOException)
        {
            // No inode left.
            fault.Fired();
        }
        // A few must be free for the locks.
        for (var i = 0; i < 40; i++)
            File.Delete(Path.Join(Disk, $"other-{--others}"));

        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(Dataset("more", 100)));
        Assert.True(error.IsDiskFull);
        Assert.Equal([first.CacheKey], cache.List().Select(entry => entry.CacheKey));
        fault.NoOrphans(Path.Join(Disk, "cache"));
        fault.Kept(Directory.GetFiles(first.Path).Length == 101, "the leased dataset");

        await first.DisposeAsync();
        await using var second = await fault.HealsAsync(() => cache.AcquireAsync(Dataset("more", 100)));
        Assert.Equal([second.CacheKey], cache.List().Select(entry => entry.CacheKey));
        fault.HandedOut(second.Path, origin.Keys.Where(key => key.StartsWith("datasets/more/", StringComparison.Ordinal)).Select(key => KeyValuePair.Create(key["datasets/more/".Length..], origin.Content(key))));
        fault.End();
    }

    private void FillUp(long leave)
    {
        using var file = File.Create(Path.Join(Disk, "others"));
        var block = new byte[64 * 1024];
        try
        {
            while (new DriveInfo(Disk).AvailableFreeSpace > leave)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
