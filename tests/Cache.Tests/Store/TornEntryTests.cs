using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

[Trait("Fault", "3")]
public sealed class TornEntryTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public TornEntryTests()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 40_000));
        fixture.Put("large.bin", MemoryOrigin.Bytes(2, 9_000_000));
    }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("{\"format\":1,\"cacheKey\":\"snap")]
    public async Task A_torn_record_is_quarantined_and_the_dataset_fetched_again(string torn)
    {
        var cache = fixture.Open();
        await using var first = await cache.AcquireAsync(fixture.Request(1));
        var record = Path.Join(fixture.Root, "entries", first.CacheKey, "entry.json");
        File.Delete(record);
        File.WriteAllText(record, torn);

        await using var again = await cache.AcquireAsync(fixture.Request(1));
        Assert.Equal(AcquireOutcome.Miss, again.Outcome);
        fixture.AssertHoldsTheOrigin(again.Path + "/", "a.jpg", "large.bin");
        var reason = Assert.Single(Directory.EnumerateFiles(Path.Join(fixture.Root, "quarantine"), "reason", SearchOption.AllDirectories));
        Assert.Contains("entry.json is torn", File.ReadAllText(reason), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hole")]
    [InlineData("empty")]
    [InlineData("longer")]
    [InlineData("missing")]
    public async Task A_file_that_lost_its_bytes_is_found_by_its_checksum_quarantined_and_fetched_again(string damage)
    {
        var cache = fixture.Open();
        string key;
        await using (var lease = await cache.AcquireAsync(fixture.Request(1)))
        {
            key = lease.CacheKey;
            Assert.True((await cache.VerifyAsync(key))!.Found.IsSound);
            Damage(Path.Join(lease.SnapshotPath, "large.bin"), damage);
        }
        var broken = Assert.Single((await cache.VerifyAsync(key))!.Found.Lines);
        Assert.StartsWith("large.bin: ", broken, StringComparison.Ordinal);
        await using var again = await cache.AcquireAsync(fixture.Request(1));
        Assert.Equal(AcquireOutcome.Miss, again.Outcome);
        fixture.AssertHoldsTheOrigin(again.Path + "/", "a.jpg", "large.bin");
    }

    [Theory]
    [InlineData("hole")]
    [InlineData("empty")]
    [InlineData("longer")]
    [InlineData("missing")]
    public async Task A_resumed_download_believes_no_file_that_lost_its_bytes(string damage)
    {
        fixture.Origin.Trim = (key, position, count) => key.EndsWith("large.bin", StringComparison.Ordinal) && position >= 8_500_000 ? throw new InvalidOperationException("cut") : count;
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open(options => options with { Concurrency = 1 }).AcquireAsync(fixture.Request(1)));
        fixture.Origin.Trim = null;
        Damage(fixture.Staged("tree", "large.bin"), damage);

        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(1));
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "a.jpg", "large.bin");
        Assert.True(lease.ReusedBytes < 8 * 1024 * 1024, $"{lease.ReusedBytes} bytes were believed");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_torn_piece_of_a_sealed_file_is_fetched_again_and_never_written_into_another_entry(bool isShared)
    {
        // All is there and sealed; the publish fails.
        var failing = new FileSystem(call => call is "fsync" ? Syscalls.EIO : 0);
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open(options => options with { Durable = true }, failing).AcquireAsync(fixture.Request(1)));
        var staged = fixture.Staged("tree", "large.bin");
        Assert.Equal((UnixFileMode)0x124, File.GetUnixFileMode(staged));
        Damage(staged, "hole");
        File.SetUnixFileMode(staged, (UnixFileMode)0x124);
        var elsewhere = Path.Join(fixture.Root, "other");
        if (isShared)
            Assert.Equal(0, Syscalls.LinkAt(Syscalls.AtFdCwd, staged, Syscalls.AtFdCwd, elsewhere, 0));

        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(1));
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "a.jpg", "large.bin");
        if (isShared)
            Assert.NotEqual(fixture.Origin.Content("datasets/cats/large.bin"), File.ReadAllBytes(elsewhere));
        else
            Assert.InRange(lease.BytesFromOrigin, 1, 5_000_000);
    }

    [Fact]
    public async Task What_is_noted_after_a_torn_record_is_not_lost()
    {
        await CutAt(4_300_000);
        await using (var journal = new FileStream(Directory.EnumerateFiles(fixture.Staged(), "journal-*").Single(), FileMode.Append))
            journal.Write("torn"u8);
        await CutAt(8_500_000);
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(1));
        Assert.InRange(lease.ReusedBytes, 2 * 4 * 1024 * 1024, 9_000_000);
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "a.jpg", "large.bin");

        async Task CutAt(long bytes)
        {
            fixture.Origin.Trim = (key, position, count) => key.EndsWith("large.bin", StringComparison.Ordinal) && position >= bytes ? throw new InvalidOperationException("cut") : count;
            await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open(options => options with { Concurrency = 1 }).AcquireAsync(fixture.Request(1)));
            fixture.Origin.Trim = null;
        }
    }

    [Fact]
    public async Task What_took_a_broken_entrys_place_meanwhile_is_not_quarantined_for_it()
    {
        var cache = fixture.Open();
        await using var first = await cache.AcquireAsync(fixture.Request(1));
        Damage(Path.Join(first.SnapshotPath, "a.jpg"), "empty");
        // Between the look at it and the verdict, another process finds the same, quarantines it and fetches it again.
        var reads = 0;
        var looking = new TaskCompletionSource();
        using var go = new ManualResetEventSlim();
        var slow = fixture.Open(files: new FileSystem(call =>
        {
            if (call is "read" && ++reads == 3)
            {
                looking.SetResult();
                go.Wait(TimeSpan.FromSeconds(60));
            }
            return 0;
        }));
        var verdict = Task.Run(() => slow.VerifyAsync(first.CacheKey));
        await looking.Task;
        Assert.False((await cache.VerifyAsync(first.CacheKey))!.Found.IsSound);
        await using (await cache.AcquireAsync(fixture.Request(2))) { }
        go.Set();
        await verdict;
        await using var hit = await fixture.Open().AcquireAsync(fixture.Request(3));
        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        fixture.AssertHoldsTheOrigin(hit.Path + "/", "a.jpg", "large.bin");
    }

    private static void Damage(string path, string damage)
    {
        var size = new FileInfo(path).Length;
        if (damage is "missing")
        {
            var folder = Path.GetDirectoryName(path)!;
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.UserWrite);
            File.Delete(path);
            return;
        }
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        switch (damage)
        {
            case "hole":
                RandomAccess.Write(file, new byte[64 * 1024], 4_000_000);
                break;
            case "empty":
                RandomAccess.SetLength(file, 0);
                break;
            default:
                RandomAccess.SetLength(file, size + 1);
                break;
        }
    }
}
