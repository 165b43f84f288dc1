using System.Globalization;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

public sealed class EntryVerifierTests : IAsyncDisposable
{
    private const int Large = 9_000_000;
    private readonly CacheFixture fixture = new();

    public EntryVerifierTests()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 5_000));
        fixture.Put("deep/er/b.jpg", MemoryOrigin.Bytes(2, 100));
        fixture.Put("deep/empty.txt", "");
        fixture.Put("large.bin", MemoryOrigin.Bytes(3, Large));
    }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private async Task<(string Key, string Path)> GetAsync()
    {
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request());
        return (lease.CacheKey, lease.SnapshotPath);
    }

    private static async Task<VerifyReport> CheckAsync(CacheRoot root, string key, VerifyLevel level)
        => (await new EntryVerifier(root, new EntryStore(root, TimeProvider.System)).CheckAsync(key, level, progress: null, CancellationToken.None))!;

    [Theory]
    [InlineData(VerifyLevel.Fast, 0)]
    [InlineData(VerifyLevel.Pieces, 5_100 + Large)]
    [InlineData(VerifyLevel.Full, 5_100 + Large)]
    public async Task A_sound_entry_is_sound_at_every_level(VerifyLevel level, long bytes)
    {
        var (key, _) = await GetAsync();
        using var root = CacheRoot.Open(fixture.Root);
        var report = await CheckAsync(root, key, level);
        Assert.Equal((4, bytes, 0, 0), (report.Files, report.Bytes, report.Faults.Count, report.Resealed));
        Assert.True(report.IsSound);
    }

    [Theory]
    [InlineData("flip", "a.jpg", FileFaultKind.WrongBytes, new[] { 0 })]
    [InlineData("flip", "deep/er/b.jpg", FileFaultKind.WrongBytes, new[] { 0 })]
    [InlineData("flip 0", "large.bin", FileFaultKind.WrongBytes, new[] { 0 })]
    [InlineData("flip 4194304", "large.bin", FileFaultKind.WrongBytes, new[] { 4 })]
    [InlineData("flip 8999999", "large.bin", FileFaultKind.WrongBytes, new[] { 8 })]
    [InlineData("length 4999", "a.jpg", FileFaultKind.WrongSize, new int[0])]
    [InlineData("length 5001", "a.jpg", FileFaultKind.WrongSize, new int[0])]
    [InlineData("length 0", "large.bin", FileFaultKind.WrongSize, new int[0])]
    [InlineData("length 1", "deep/empty.txt", FileFaultKind.WrongSize, new int[0])]
    [InlineData("delete", "deep/er/b.jpg", FileFaultKind.Missing, new int[0])]
    [InlineData("folder", "deep/er/b.jpg", FileFaultKind.NotAFile, new int[0])]
    [InlineData("plant", "deep/er/labels.cache", FileFaultKind.Unexpected, new int[0])]
    [InlineData("file for folder", "deep/er/b.jpg", FileFaultKind.Missing, new int[0])]
    [InlineData("plant", "new.txt", FileFaultKind.Unexpected, new int[0])]
    [InlineData("plant folder", "deep/nobody", FileFaultKind.Unexpected, new int[0])]
    [Trait("Fault", "8")]
    public async Task What_is_wrong_is_found_at_the_levels_that_can_see_it(string damage, string file, FileFaultKind kind, int[] pieces)
    {
        var (key, path) = await GetAsync();
        Do(damage, Path.Join(path, file));
        using var root = CacheRoot.Open(fixture.Root);
        foreach (var level in Enum.GetValues<VerifyLevel>())
        {
            var report = await CheckAsync(root, key, level);
            if (level == VerifyLevel.Fast && kind == FileFaultKind.WrongBytes)
            {
                Assert.True(report.IsSound); // No data is read: nothing is claimed.
                continue;
            }
            var fault = Assert.Single(report.Faults);
            Assert.Equal((file, kind), (fault.Path, fault.Kind));
            Assert.Equal(pieces, fault.Pieces);
        }
    }

    private static void Do(string damage, string path)
    {
        switch (damage.Split(' '))
        {
            case ["flip", .. var at]:
                Damage.FlipBit(path, at.Length == 0 ? 17 : long.Parse(at[0], CultureInfo.InvariantCulture));
                break;
            case ["length", var length]:
                Damage.SetLength(path, long.Parse(length, CultureInfo.InvariantCulture));
                break;
            case ["delete"]:
                Damage.Delete(path);
                break;
            case ["folder"]:
                Damage.PutFolder(path);
                break;
            case ["file", "for", "folder"]:
                Damage.Delete(path);
                Damage.PutFile(Path.GetDirectoryName(path)!);
                break;
            case ["plant"]:
                Damage.Plant(path);
                break;
            case ["plant", "folder"]:
                Damage.PutFolder(path);
                Damage.Plant(Path.Join(path, "x"));
                break;
            default:
                throw new ArgumentException(damage, nameof(damage));
        }
    }

    [Fact]
    public async Task All_faults_of_an_entry_are_told_each_with_its_pieces()
    {
        var (key, path) = await GetAsync();
        Damage.FlipBit(Path.Join(path, "large.bin"), 1);
        Damage.FlipBit(Path.Join(path, "large.bin"), Large - 1);
        Damage.FlipBit(Path.Join(path, "a.jpg"), 1);
        Damage.Delete(Path.Join(path, "deep/empty.txt"));
        using var root = CacheRoot.Open(fixture.Root);
        var report = await CheckAsync(root, key, VerifyLevel.Pieces);
        Assert.Equal(["deep/empty.txt: missing", "a.jpg: piece 0 of 1 does not have its checksum", "large.bin: piece 0, 8 of 9 does not have its checksum"], report.Lines);
    }

    [Fact]
    public async Task A_piece_that_the_disk_refuses_is_told_and_the_others_are_read()
    {
        var (key, _) = await GetAsync();
        // Before the data: format, entry.json, manifest.
        var reads = 0;
        using (var stumbling = CacheRoot.Open(fixture.Root, new FileSystem(call => call is "read" && Interlocked.Increment(ref reads) is 4 or 5 ? Syscalls.EIO : 0)))
        {
            // Once is enough: the next reading may succeed, and the one after that fail.
            var stumbled = (await CheckAsync(stumbling, key, VerifyLevel.Pieces)).Faults;
            Assert.All(stumbled, fault => Assert.Equal(FileFaultKind.Unreadable, fault.Kind));
            Assert.Equal(2, stumbled.Sum(fault => fault.Pieces.Count));
        }
        Assert.Equal(14, reads); // All the others were read.
        reads = 0;
        using var dead = CacheRoot.Open(fixture.Root, new FileSystem(call => call is "read" && Interlocked.Increment(ref reads) > 3 ? Syscalls.EIO : 0));
        var report = await CheckAsync(dead, key, VerifyLevel.Pieces);
        Assert.All(report.Faults, fault => Assert.Equal(FileFaultKind.Unreadable, fault.Kind));
        Assert.Equal([[0], [0], [.. Enumerable.Range(0, 9)]], report.Faults.OrderBy(fault => fault.Path, StringComparer.Ordinal).Select(fault => fault.Pieces));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_somebody_made_writable_is_sealed_again_and_judged_by_its_bytes(bool changed)
    {
        var (key, path) = await GetAsync();
        if (changed)
            Damage.FlipBit(Path.Join(path, "a.jpg"), 0);
        File.SetUnixFileMode(Path.Join(path, "a.jpg"), (UnixFileMode)0x1B6);
        File.SetUnixFileMode(Path.Join(path, "deep"), (UnixFileMode)0x1ED);
        using var root = CacheRoot.Open(fixture.Root);
        var report = await CheckAsync(root, key, VerifyLevel.Pieces);
        Assert.Equal((changed ? 1 : 0, 2), (report.Faults.Count, report.Resealed));
        Assert.Equal(((UnixFileMode)0x124, (UnixFileMode)0x16D), (File.GetUnixFileMode(Path.Join(path, "a.jpg")), File.GetUnixFileMode(Path.Join(path, "deep"))));
    }

    [Fact]
    public async Task An_entry_that_is_evicted_while_it_is_read_is_not_broken()
    {
        var (key, _) = await GetAsync();
        var reads = 0;
        var reading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var evicted = new ManualResetEventSlim();
        using var root = CacheRoot.Open(fixture.Root, new FileSystem(call =>
        {
            if (call is "read" && Interlocked.Increment(ref reads) == 4)
            {
                reading.SetResult();
                Assert.True(evicted.Wait(TimeSpan.FromSeconds(60)));
            }
            return 0;
        }));
        var checking = Task.Run(() => CheckAsync(root, key, VerifyLevel.Full));
        await reading.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(EvictionOutcome.Evicted, (await fixture.Open().EvictAsync(key)).Outcome);
        evicted.Set();
        Assert.Null(await checking);
    }

    [Fact]
    public async Task A_file_that_is_healed_while_it_is_read_is_not_told()
    {
        var (key, path) = await GetAsync();
        var file = Path.Join(path, "a.jpg");
        Damage.FlipBit(file, 3);
        var reads = 0;
        using var root = CacheRoot.Open(fixture.Root, new FileSystem(call =>
        {
            // As healing does it: another file takes its place.
            if (call is "read" && Interlocked.Increment(ref reads) == 8)
            {
                File.WriteAllBytes(fixture.Root + "/healed", fixture.Origin.Content("datasets/cats/a.jpg"));
                File.SetUnixFileMode(fixture.Root + "/healed", (UnixFileMode)0x124);
                Assert.Equal(0, Syscalls.RenameAt(Syscalls.AtFdCwd, fixture.Root + "/healed", Syscalls.AtFdCwd, file));
            }
            return 0;
        }));
        // format, entry.json, manifest, five pieces of files that are not empty; the last of them may be a.jpg itself.
        var report = await CheckAsync(root, key, VerifyLevel.Pieces);
        Assert.True(report.IsSound, string.Join("; ", report.Lines));
        Assert.True(reads > 8, "it was not read again");
    }

    [Fact]
    public async Task The_page_cache_is_neither_believed_nor_filled()
    {
        var (key, path) = await GetAsync();
        var file = Path.Join(path, "large.bin");
        await using (var synced = File.Open(file, new FileStreamOptions { Access = FileAccess.Read }))
            Assert.Equal(0, Syscalls.SyncFs((int)synced.SafeFileHandle.DangerousGetHandle()));
        foreach (var direct in new[] { true, false })
        {
            Residency.Drop(file);
            Assert.Equal(0, Residency.Of(file));
            await CheckOnceAsync();
            Assert.Equal(0, Residency.Of(file));
            // What a job has read stays its own.
            File.ReadAllBytes(file);
            var held = Residency.Of(file);
            Assert.True(held > 0);
            await CheckOnceAsync();
            Assert.Equal(held, Residency.Of(file));

            async Task CheckOnceAsync()
            {
                using var root = CacheRoot.Open(fixture.Root, new FileSystem(direct ? null : new RefusesDirect().Fault));
                Assert.True((await CheckAsync(root, key, VerifyLevel.Pieces)).IsSound);
            }
        }
    }

    [Fact]
    public async Task Files_are_found_broken_as_well_where_the_file_system_refuses_to_be_read_past_the_page_cache()
    {
        var (key, path) = await GetAsync();
        Damage.FlipBit(Path.Join(path, "large.bin"), Large - 1);
        using var root = CacheRoot.Open(fixture.Root, new FileSystem(new RefusesDirect().Fault));
        var fault = Assert.Single((await CheckAsync(root, key, VerifyLevel.Pieces)).Faults);
        Assert.Equal([8], fault.Pieces);
    }

    /// <summary>The first read of a file's data (after format, entry.json and manifest) says EINVAL, as file systems do that open with O_DIRECT and cannot.</summary>
    private sealed class RefusesDirect
    {
        private int reads;

        public int Fault(string call) => call is "read" && Interlocked.Increment(ref reads) == 4 ? Syscalls.EINVAL : 0;
    }
}
