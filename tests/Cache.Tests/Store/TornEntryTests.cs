using DatasetCache.Eviction;
using DatasetCache.Integrity;
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
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{\"format\":1,\"cacheKey\":\"snap")]
    public async Task A_torn_record_is_written_again_from_its_copy(string? torn)
    {
        var cache = fixture.Open();
        await using var first = await cache.AcquireAsync(fixture.Request(1));
        var record = Path.Join(fixture.Root, "entries", first.CacheKey, "entry.json");
        var whole = File.ReadAllText(record);
        File.Delete(record);
        if (torn is not null)
            File.WriteAllText(record, torn);

        await using var again = await cache.AcquireAsync(fixture.Request(2));
        Assert.Equal((AcquireOutcome.Hit, first.CacheKey), (again.Outcome, again.CacheKey));
        Assert.Equal(whole, File.ReadAllText(record));
    }

    [Fact]
    public async Task An_entry_that_nobody_knows_any_more_is_quarantined_and_the_dataset_fetched_again()
    {
        var cache = fixture.Open();
        string key;
        await using (var first = await cache.AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        Forget(key);
        await using var again = await cache.AcquireAsync(fixture.Request(1));
        Assert.Equal((AcquireOutcome.Miss, key), (again.Outcome, again.CacheKey));
        fixture.AssertHoldsTheOrigin(again.Path + "/", "a.jpg", "large.bin");
        var reason = Assert.Single(Directory.EnumerateFiles(Path.Join(fixture.Root, "quarantine"), "reason", SearchOption.AllDirectories));
        Assert.Contains("entry.json and its copy in the manifest are torn", File.ReadAllText(reason), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_tree_that_a_job_holds_is_not_taken_from_it_though_nobody_knows_what_it_is(bool byLease)
    {
        var cache = fixture.Open();
        var first = await cache.AcquireAsync(fixture.Request(byLease ? null : 1));
        if (!byLease)
            await first.DisposeAsync();
        Forget(first.CacheKey);
        await using (var again = await cache.AcquireAsync(fixture.Request(2)))
        {
            Assert.Equal(AcquireOutcome.Miss, again.Outcome);
            Assert.NotEqual(first.CacheKey, again.CacheKey);
            fixture.AssertHoldsTheOrigin(again.Path + "/", "a.jpg", "large.bin");
        }
        fixture.AssertHoldsTheOrigin(first.SnapshotPath, "a.jpg", "large.bin");
        await using (var hit = await cache.AcquireAsync(fixture.Request(3)))
            Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        cache.Sweep(TimeSpan.Zero);
        Assert.True(Directory.Exists(first.SnapshotPath));
        // Let go of, it is swept out of the way.
        await first.DisposeAsync();
        if (!byLease)
            cache.Release(fixture.Job(1));
        cache.Sweep(TimeSpan.Zero);
        Assert.False(Directory.Exists(first.SnapshotPath));
    }

    private void Forget(string key)
    {
        File.Delete(Path.Join(fixture.Root, "entries", key, "entry.json"));
        var manifest = Path.Join(fixture.Root, "entries", key, "manifest");
        var text = File.ReadAllBytes(manifest);
        File.Delete(manifest);
        File.WriteAllBytes(manifest, text[..^10]);
    }

    [Fact]
    public async Task A_lost_lease_file_is_made_again_and_protects()
    {
        var cache = fixture.Open();
        string key;
        await using (var first = await cache.AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        File.Delete(Path.Join(fixture.Root, "entries", key, "lease"));
        await using var again = await cache.AcquireAsync(fixture.Request());
        Assert.Equal((AcquireOutcome.Hit, key), (again.Outcome, again.CacheKey));
        Assert.Equal(ProtectionKind.Lease, Assert.Single((await fixture.Open().EvictAsync(key)).Protections).Kind);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("torn")]
    public async Task A_lost_usage_begins_anew(string? torn)
    {
        var cache = fixture.Open();
        string key;
        await using (var first = await cache.AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        var usage = Path.Join(fixture.Root, "entries", key, "usage");
        File.Delete(usage);
        if (torn is not null)
            File.WriteAllText(usage, torn);
        Assert.Equal(0, cache.Inspect(key)!.Uses);
        await using (await cache.AcquireAsync(fixture.Request()))
            Assert.Equal(1, cache.Inspect(key)!.Uses);
    }

    [Fact]
    public async Task Strangers_among_the_entries_do_no_harm()
    {
        var cache = fixture.Open();
        await using var first = await cache.AcquireAsync(fixture.Request(1));
        foreach (var room in new[] { "entries", "snapshots", "roots", "quarantine" })
        {
            File.WriteAllText(Path.Join(fixture.Root, room, "stranger"), "stranger");
            Directory.CreateDirectory(Path.Join(fixture.Root, room, "lost+found", "deeper"));
            File.CreateSymbolicLink(Path.Join(fixture.Root, room, "link"), "/etc");
            File.WriteAllText(Path.Join(fixture.Root, room, "torn.json"), "{");
        }
        var fresh = fixture.Open();
        Assert.Equal([first.CacheKey], fresh.List().Select(entry => entry.CacheKey));
        await using (var hit = await fresh.AcquireAsync(fixture.Request(2)))
            Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        await using (var miss = await fresh.AcquireAsync(fixture.Request(3, "snap_2")))
            Assert.Equal(AcquireOutcome.Miss, miss.Outcome);
        Assert.Equal(VerifyOutcome.Quarantined, (await fresh.VerifyAsync("lost+found"))!.Outcome);
        Assert.Null(await fresh.VerifyAsync("stranger"));
        fresh.Sweep(TimeSpan.Zero);
        await fresh.PruneAsync(new PruneFilter { All = true });
        Assert.Equal(2, fresh.List().Count);
        Assert.Equal(2, fresh.Inspect(first.CacheKey)!.Protections.Count(protection => protection.Kind == ProtectionKind.JobLink));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"link\":")]
    public async Task A_torn_root_is_registered_again_by_its_job_and_keeps_nothing_else_from_being_seen(string torn)
    {
        var cache = fixture.Open();
        await using (await cache.AcquireAsync(fixture.Request(1))) { }
        await using (await cache.AcquireAsync(fixture.Request(2))) { }
        var record = Directory.EnumerateFiles(Path.Join(fixture.Root, "roots")).First(path => File.ReadAllText(path).Contains("/1/dataset", StringComparison.Ordinal));
        File.WriteAllText(record, torn);
        var fresh = fixture.Open();
        Assert.Single(fresh.List().Single().Holders);
        Assert.True(File.Exists(record));
        await using (await fresh.AcquireAsync(fixture.Request(1))) { }
        Assert.Equal(2, fresh.List().Single().Holders.Count);
    }

    [Fact]
    public async Task A_torn_pin_still_pins()
    {
        var cache = fixture.Open();
        string key;
        await using (var first = await cache.AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        cache.Pin(key);
        File.WriteAllText(Path.Join(fixture.Root, "entries", key, "pin"), "");
        Assert.Equal(EvictionOutcome.Protected, (await fixture.Open().EvictAsync(key)).Outcome);
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
    public async Task What_took_a_broken_entrys_place_meanwhile_is_not_judged_for_it()
    {
        var cache = fixture.Open();
        string key;
        await using (var first = await cache.AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        Damage(Path.Join(fixture.Root, "snapshots", key, "a.jpg"), "empty");
        // Between the look at it and the verdict, somebody evicts it and fetches it again.
        var reads = 0;
        var looking = new TaskCompletionSource();
        using var go = new ManualResetEventSlim();
        var slow = fixture.Open(files: new FileSystem(call =>
        {
            if (call is "read" && ++reads == 4)
            {
                looking.SetResult();
                go.Wait(TimeSpan.FromSeconds(60));
            }
            return 0;
        }));
        var verdict = Task.Run(() => slow.VerifyAsync(key));
        await looking.Task;
        Assert.Equal(EvictionOutcome.Evicted, (await cache.EvictAsync(key)).Outcome);
        await using (await cache.AcquireAsync(fixture.Request(2))) { }
        go.Set();
        Assert.Null(await verdict); // What was looked at is gone.
        await using var hit = await fixture.Open().AcquireAsync(fixture.Request(3));
        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        fixture.AssertHoldsTheOrigin(hit.Path + "/", "a.jpg", "large.bin");
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(fixture.Root, "quarantine")));
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
