using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>A cache on a real ext4 in a file, from which the disk below takes blocks away or the right to write.</summary>
[Trait("Fault", "6")]
public sealed class FailingDiskTests : IAsyncLifetime
{
    private const int Size = 12_000_000;
    private readonly MemoryOrigin origin = new();
    private LoopDisk? disk;

    private string Disk => disk!.Path;

    private string Image => disk!.Image;

    public async ValueTask InitializeAsync() => disk = await LoopDisk.TryCreateAsync(64 << 20, "-O", "^has_journal");

    public ValueTask DisposeAsync()
    {
        disk?.Dispose();
        return ValueTask.CompletedTask;
    }

    private LocalDatasetCache Open(Func<CacheOptions, CacheOptions>? change = null)
    {
        var options = new CacheOptions { Root = Path.Join(Disk, "cache"), MaxSize = 1_000_000_000, MinFree = DiskFloor.OfBytes(0), Attempts = 1 };
        return LocalDatasetCache.Open(change?.Invoke(options) ?? options, origin);
    }

    private AcquireRequest Dataset(string name, int size = Size)
    {
        origin.Put($"datasets/{name}/a.bin", MemoryOrigin.Bytes(name[0], size));
        return new AcquireRequest { Dataset = new() { SnapshotId = "snap_" + name, DatasetId = name, Selection = new() { Mode = DatasetCache.Datasets.SelectionMode.All } } };
    }

    internal static void DropCaches(string file)
    {
        using var opened = File.OpenHandle(file);
        // POSIX_FADV_DONTNEED: read from the disk the next time.
        Assert.Equal(0, PosixFadvise((int)opened.DangerousGetHandle(), 0, 0, 4));
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "posix_fadvise")]
    private static extern int PosixFadvise(int fd, long offset, long length, int advice);

    [Fact]
    public async Task Blocks_that_the_disk_has_lost_cost_their_file_s_pieces_and_no_other_dataset()
    {
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        await using var cache = Open();
        var request = Dataset("lost");
        string key, path;
        await using (var lease = await cache.AcquireAsync(request))
            (key, path) = (lease.CacheKey, Path.Join(lease.SnapshotPath, "a.bin"));
        await using var other = await cache.AcquireAsync(Dataset("kept", 100_000));
        await disk.SyncAsync();
        // The disk below ends in the middle of the file: what lies behind reads as an error.
        var full = new FileInfo(Image).Length;
        var end = await LastBlockAsync(path);
        Assert.True(end > 0, "filefrag told nothing");
        using (var image = File.OpenHandle(Image, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.SetLength(image, end - (2 * 1024 * 1024));
        DropCaches(path);
        Assert.ThrowsAny<IOException>(() => File.ReadAllBytes(path));

        origin.BeforeRead = (_, _, _) => throw new OriginException(OriginFailure.Network, "down");
        Assert.Equal(VerifyOutcome.Withdrawn, (await cache.VerifyAsync(key))!.Outcome);
        await Assert.ThrowsAnyAsync<DatasetCacheException>(() => cache.AcquireAsync(request));
        Assert.Equal(origin.Content("datasets/kept/a.bin"), await File.ReadAllBytesAsync(Path.Join(other.SnapshotPath, "a.bin")));
        origin.BeforeRead = null;
        origin.ForgetServed();
        // The blocks are lost; the disk takes new ones.
        using (var image = File.OpenHandle(Image, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.SetLength(image, full);
        DropCaches(path);
        await using (var healed = await cache.AcquireAsync(request))
            Assert.Equal(origin.Content("datasets/lost/a.bin"), await File.ReadAllBytesAsync(Path.Join(healed.SnapshotPath, "a.bin")));
        Assert.InRange(origin.BytesServed, 1, Size - 1);
        Assert.Equal(VerifyOutcome.Sound, (await cache.VerifyAsync(key))!.Outcome);
    }

    // Where the file's last block ends on the disk.
    internal static async Task<long> LastBlockAsync(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("filefrag", ["-b4096", "-e", path]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text.Split('\n').Select(line => Regex.Match(line, @"^\s*\d+:\s*\d+\.\.\s*\d+:\s*\d+\.\.\s*(?<last>\d+):", RegexOptions.None, TimeSpan.FromSeconds(1)))
            .Where(match => match.Success).Select(match => (long.Parse(match.Groups["last"].Value, CultureInfo.InvariantCulture) + 1) * 4096).DefaultIfEmpty(0).Max();
    }

    [Fact]
    public async Task On_a_disk_that_was_remounted_read_only_what_is_whole_is_served_and_what_is_broken_is_not()
    {
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        var request = Dataset("broken");
        string key, path;
        var cache = Open();
        await using (var lease = await cache.AcquireAsync(request))
            (key, path) = (lease.CacheKey, Path.Join(lease.SnapshotPath, "a.bin"));
        var whole = Dataset("whole", 100_000);
        await using (await cache.AcquireAsync(whole)) { }
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.Write(file, new byte[9], 5);
        await disk.SyncAsync();
        // As after an error of the disk: the kernel makes it read-only under all who have it open.
        var device = (await File.ReadAllLinesAsync("/proc/mounts")).Single(line => line.Contains($" {Disk} ", StringComparison.Ordinal)).Split(' ')[0];
        var trigger = $"/sys/fs/ext4/{Path.GetFileName(device)}/trigger_fs_error";
        Assert.SkipUnless(File.Exists(trigger), "this kernel's ext4 cannot be told to fail");
        await File.WriteAllTextAsync(trigger, "test");
        Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Join(Disk, "probe"), ""));

        Assert.Equal(VerifyOutcome.Withdrawn, (await cache.VerifyAsync(key))!.Outcome);
        var error = await Assert.ThrowsAsync<StorageException>(() => cache.AcquireAsync(request));
        Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
        await using (var hit = await cache.AcquireAsync(whole))
            Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        await cache.DisposeAsync();
        await disk.RemountAsync();
        // The mark could not be written: whoever looks next finds it, and heals it.
        await using var again = Open();
        var result = (await again.VerifyAsync(key))!;
        Assert.Equal((VerifyOutcome.Healed, 1L * 1024 * 1024), (result.Outcome, result.BytesFromOrigin));
        Assert.Equal(origin.Content("datasets/broken/a.bin"), await File.ReadAllBytesAsync(path));
    }
}
