using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>A heal that is cut short anywhere: nothing half-healed is ever handed out, and the next one goes on.</summary>
public sealed class FailingHealTests
{
    private const int Piece = 1024 * 1024;
    private static readonly string[] Files = ["a.jpg", "images/b.jpg", "images/large.bin"];

    private static void Break(string snapshot)
    {
        foreach (var (file, position) in new[] { ("a.jpg", 5L), ("images/large.bin", Piece + 5L) })
        {
            var path = Path.Join(snapshot, file);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using (var opened = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                RandomAccess.Write(opened, new byte[8], position);
            File.SetUnixFileMode(path, (UnixFileMode)0x124);
        }
        File.SetUnixFileMode(Path.Join(snapshot, "images"), (UnixFileMode)0x1ED);
        File.Delete(Path.Join(snapshot, "images/b.jpg"));
        File.SetUnixFileMode(Path.Join(snapshot, "images"), (UnixFileMode)0x16D);
    }

    /// <param name="once">False: from the nth on every call fails, as after a kill.</param>
    [Theory]
    [InlineData(5, true)]   // EIO
    [InlineData(28, true)]  // ENOSPC
    [InlineData(5, false)]
    [Trait("Fault", "9")]
    public async Task Whichever_call_fails_nothing_half_healed_is_handed_out_and_the_next_heal_succeeds(int errno, bool once)
    {
        var fired = 0;
        for (var n = 1; ; n += once ? 1 : 3)
        {
            await using var fixture = new CacheFixture();
            fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 40_000));
            fixture.Put("images/b.jpg", MemoryOrigin.Bytes(2, 300));
            fixture.Put("images/large.bin", MemoryOrigin.Bytes(3, Piece + 100_000));
            var keys = new List<string>();
            foreach (var snapshot in new[] { "snap_1", "snap_2" })
            {
                await using var lease = await fixture.Open().AcquireAsync(fixture.Request(snapshot: snapshot));
                keys.Add(lease.CacheKey);
            }
            Break(fixture.Root + "/snapshots/" + keys[0]);
            Assert.Equal(VerifyOutcome.Withdrawn, (await fixture.Open().VerifyAsync(keys[0], new VerifyOptions { Heal = false }))!.Outcome);
            Assert.True(File.Exists(fixture.Root + $"/entries/{keys[1]}/broken"));

            var calls = 0;
            var failing = new FileSystem(_ => (once ? Interlocked.Increment(ref calls) == n : Interlocked.Increment(ref calls) >= n) ? errno : 0);
            var failed = false;
            try
            {
                await using var cache = fixture.Open(options => options with { Durable = once && errno == 5, Concurrency = 1 }, failing);
                await using var lease = await cache.AcquireAsync(fixture.Request());
                AssertHanded(fixture, lease.SnapshotPath);
            }
            catch (DatasetCacheException)
            {
                // Typed, whatever it was. Anything else fails the test.
                failed = true;
            }
            if (calls < n)
                break;
            fired++;

            // I1: whatever a fresh process hands out is whole. Offline, so that nothing is mended for it. b.jpg alone may be missing in the second, as nobody knows.
            foreach (var (snapshot, key) in new[] { ("snap_1", keys[0]), ("snap_2", keys[1]) })
            {
                try
                {
                    await using var lease = await fixture.Open(options => options with { Offline = true }).AcquireAsync(fixture.Request(snapshot: snapshot));
                    AssertHanded(fixture, lease.SnapshotPath);
                }
                catch (OfflineException)
                {
                    Assert.True(failed || key == keys[1], "it was said to be healed");
                }
            }
            // I2, I4: the next call goes on. What was verified is not read again: at most the call that failed costs its piece.
            await using var healthy = fixture.Open();
            foreach (var (snapshot, key) in new[] { ("snap_1", keys[0]), ("snap_2", keys[1]) })
            {
                await using (var lease = await healthy.AcquireAsync(fixture.Request(snapshot: snapshot)))
                {
                    Assert.Equal(key, lease.CacheKey);
                    fixture.AssertHoldsTheOrigin(lease.SnapshotPath, Files);
                }
                Assert.Equal(VerifyOutcome.Sound, (await healthy.VerifyAsync(key))!.Outcome);
            }
            foreach (var folder in Directory.EnumerateDirectories(fixture.Root + "/snapshots", "*", SearchOption.AllDirectories))
                Assert.Equal((UnixFileMode)0x16D, File.GetUnixFileMode(folder));
            // I5, and the books are right.
            healthy.Sweep(TimeSpan.Zero);
            fixture.AssertStagingIsClean();
            Assert.True(healthy.Space().Entries >= Charge(fixture), $"call {n}: charged {healthy.Space().Entries} for {Charge(fixture)}");
        }
        Assert.True(fired > 80, $"only {fired} calls were made to fail");
    }

    private static void AssertHanded(CacheFixture fixture, string path) => fixture.AssertHoldsTheOrigin(path, Files);

    private static long Charge(CacheFixture fixture) => Directory.EnumerateFiles(fixture.Root + "/snapshots", "*", SearchOption.AllDirectories)
        .DistinctBy(path => DirectoryHandle.StatusOf(new FileSystem(), Syscalls.AtFdCwd, path, Syscalls.AtSymlinkNoFollow, path)!.Value.Inode)
        .Sum(path => SpaceLedger.Allocated(new FileInfo(path).Length));
}
