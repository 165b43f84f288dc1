using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>A dataset of a small file and one of three pieces, and ways to break it.</summary>
public abstract class HealingCase : IAsyncDisposable
{
    protected const int Piece = 1024 * 1024;
    protected const int LargeSize = (2 * Piece) + 1_000_000;
    protected static readonly string[] Files = ["a.jpg", "images/b.jpg", "images/large.bin"];

    protected HealingCase()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 40_000));
        Fixture.Put("images/b.jpg", MemoryOrigin.Bytes(2, 300));
        Fixture.Put("images/large.bin", MemoryOrigin.Bytes(3, LargeSize));
    }

    protected CacheFixture Fixture { get; } = new();

    public ValueTask DisposeAsync() => Fixture.DisposeAsync();

    protected string Snapshot(string key) => Path.Join(Fixture.Root, "snapshots", key);

    protected string Entry(string key, string file) => Path.Join(Fixture.Root, "entries", key, file);

    protected async Task<string> FilledAsync(LocalDatasetCache cache, string snapshot = "snap_1", int? job = null)
    {
        await using var lease = await cache.AcquireAsync(Fixture.Request(job, snapshot));
        Fixture.Origin.ForgetServed();
        return lease.CacheKey;
    }

    /// <summary>As root would, or a disk: without a new inode.</summary>
    protected static void Flip(string path, long position)
    {
        var mode = File.GetUnixFileMode(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
        {
            var one = new byte[1];
            RandomAccess.Read(file, one, position);
            one[0] ^= 0x10;
            RandomAccess.Write(file, one, position);
        }
        File.SetUnixFileMode(path, mode);
    }

    protected static void Damage(string path, string damage)
    {
        var folder = Path.GetDirectoryName(path)!;
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.UserWrite);
        switch (damage)
        {
            case "missing" or "a directory" or "a link":
                File.Delete(path);
                if (damage is "a directory")
                    File.WriteAllText(Path.Join(Directory.CreateDirectory(path).FullName, "stranger"), "stranger");
                else if (damage is "a link")
                    File.CreateSymbolicLink(path, "/etc/passwd");
                break;
            case "flipped":
                Flip(path, Math.Min(new FileInfo(path).Length - 1, Piece + 5L));
                break;
            case "no folder":
                Directory.Delete(folder, recursive: true);
                break;
            case "a file for a folder":
                Directory.Delete(folder, recursive: true);
                File.WriteAllText(folder, "stranger");
                break;
            default:
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                {
                    if (damage is "a hole")
                        RandomAccess.Write(file, new byte[64 * 1024], Piece + 100_000);
                    else
                        RandomAccess.SetLength(file, damage is "empty" ? 0 : damage is "truncated" ? Piece + 10 : new FileInfo(path).Length + 5_000);
                }
                break;
        }
    }

    /// <summary>Whole, sealed, not marked, nothing left in staging; and a fresh process says so too.</summary>
    protected async Task AssertIsWholeAsync(string key, params string[] files)
    {
        var path = Snapshot(key);
        Fixture.AssertHoldsTheOrigin(path, files.Length == 0 ? Files : files);
        foreach (var folder in Directory.EnumerateDirectories(path, "*", SearchOption.AllDirectories).Append(path))
            Assert.Equal((UnixFileMode)0x16D, File.GetUnixFileMode(folder));
        foreach (var file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories))
            Assert.Equal((UnixFileMode)0x124, File.GetUnixFileMode(file));
        Assert.False(File.Exists(Entry(key, "broken")));
        var fresh = Fixture.Open();
        fresh.Sweep(TimeSpan.Zero);
        Fixture.AssertStagingIsClean();
        Assert.Equal(VerifyOutcome.Sound, (await fresh.VerifyAsync(key))!.Outcome);
    }

    protected (long Offset, long End)[] Fetched(string file) => [.. Fixture.Origin.Served
        .Where(part => part.Key == "datasets/cats/" + file && part.Length > 0).OrderBy(part => part.Offset).Select(part => (part.Offset, part.Offset + part.Length))];

    protected static ulong Inode(string path) => DirectoryHandle.StatusOf(new FileSystem(), Syscalls.AtFdCwd, path, Syscalls.AtSymlinkNoFollow, path)!.Value.Inode;
}
