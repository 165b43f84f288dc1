using System.IO.MemoryMappedFiles;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

public sealed class HealerTests : HealingCase
{
    [Theory]
    [InlineData("images/large.bin", "flipped", Piece, 2 * Piece)]
    [InlineData("images/large.bin", "a hole", Piece, 2 * Piece)]
    [InlineData("images/large.bin", "truncated", Piece, LargeSize)]
    [InlineData("images/large.bin", "extended", 0, 0)]
    [InlineData("images/large.bin", "empty", 0, LargeSize)]
    [InlineData("images/large.bin", "missing", 0, LargeSize)]
    [InlineData("images/large.bin", "a directory", 0, LargeSize)]
    [InlineData("images/large.bin", "a link", 0, LargeSize)]
    [InlineData("images/large.bin", "no folder", 0, LargeSize)]
    [InlineData("images/large.bin", "a file for a folder", 0, LargeSize)]
    [InlineData("a.jpg", "flipped", 0, 40_000)]
    [InlineData("a.jpg", "missing", 0, 40_000)]
    [InlineData("images/b.jpg", "empty", 0, 300)]
    [Trait("Fault", "3")]
    [Trait("Fault", "8")]
    public async Task Whatever_befell_a_file_exactly_its_broken_pieces_are_fetched(string file, string damage, long from, long to)
    {
        var cache = Fixture.Open(options => options with { Durable = true });
        var key = await FilledAsync(cache);
        var used = cache.Space().Used;
        Damage(Path.Join(Snapshot(key), file), damage);

        var result = (await cache.VerifyAsync(key))!;
        Assert.False(result.Found.IsSound);
        Assert.Equal((VerifyOutcome.Healed, (string?)null), (result.Outcome, result.Why));
        var others = damage.Contains("folder", StringComparison.Ordinal) ? 300 : 0; // b.jpg was in it.
        Assert.Equal(to - from + others, result.BytesFromOrigin);
        Assert.Equal(to - from + others, Fixture.Origin.BytesServed);
        Assert.True(Fixture.Origin.ServedEachByteOnce());
        Assert.All(Fetched(file), part => Assert.InRange(part.Offset, from, to - 1));
        Assert.All(Fetched(file), part => Assert.InRange(part.End, from, to));
        await AssertIsWholeAsync(key);
        Assert.Equal(used, cache.Space().Used - cache.Space().Quarantined);
        await using var hit = await cache.AcquireAsync(Fixture.Request());
        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task The_broken_file_is_kept_with_the_reason_counted_and_removed_when_space_is_needed()
    {
        var cache = Fixture.Open(options => options with { MaxSize = 15_000_000 + (LargeSize * 3 / 2) });
        var key = await FilledAsync(cache);
        var broken = Path.Join(Snapshot(key), "images/large.bin");
        Flip(broken, 10);
        var bytes = await File.ReadAllBytesAsync(broken);
        await cache.VerifyAsync(key);

        var place = Assert.Single(Directory.EnumerateDirectories(Path.Join(Fixture.Root, "quarantine")));
        Assert.StartsWith(key + ".", Path.GetFileName(place), StringComparison.Ordinal);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Path.Join(place, "tree", "images/large.bin")));
        Assert.Contains("images/large.bin: piece 0 of 3", await File.ReadAllTextAsync(Path.Join(place, "reason")), StringComparison.Ordinal);
        Assert.InRange(cache.Space().Quarantined, LargeSize, LargeSize + 16_384);
        Fixture.Origin.Put("datasets/dogs/a.bin", MemoryOrigin.Bytes(9, 15_000_000));
        await using var dogs = await cache.AcquireAsync(Fixture.Request() with { Dataset = Fixture.Request().Dataset with { DatasetId = "dogs", SnapshotId = "snap_dogs" } });
        Assert.NotNull(cache.Inspect(key));
        Assert.False(Path.Exists(Path.Join(place, "tree")));
        Assert.True(File.Exists(Path.Join(place, "reason")));
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task Who_reads_a_broken_file_reads_on_undisturbed()
    {
        var cache = Fixture.Open();
        await using var lease = await cache.AcquireAsync(Fixture.Request(1));
        var path = Path.Join(lease.Path, "images/large.bin");
        Flip(Path.Join(lease.SnapshotPath, "images/large.bin"), Piece + 7);
        var broken = await File.ReadAllBytesAsync(path);
        using var open = File.OpenHandle(path);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var map = MemoryMappedFile.CreateFromFile(file, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        using var view = map.CreateViewAccessor(0, LargeSize, MemoryMappedFileAccess.Read);

        Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(lease.CacheKey))!.Outcome);
        var read = new byte[LargeSize];
        Assert.Equal(LargeSize, RandomAccess.Read(open, read, 0));
        Assert.Equal(broken, read);
        view.ReadArray(0, read, 0, LargeSize);
        Assert.Equal(broken, read);
        // And who opens it now, by the same path, has it whole.
        Assert.Equal(Fixture.Origin.Content("datasets/cats/images/large.bin"), await File.ReadAllBytesAsync(path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Fault", "8")]
    public async Task A_file_that_two_entries_share_is_fetched_once_and_healed_in_both(bool verifyTheYounger)
    {
        var cache = Fixture.Open();
        var first = await FilledAsync(cache);
        var second = await FilledAsync(cache, "snap_2");
        var (one, two) = (Path.Join(Snapshot(first), "images/large.bin"), Path.Join(Snapshot(second), "images/large.bin"));
        Assert.Equal(Inode(one), Inode(two));
        var charged = (cache.Inspect(first)!.OwnBytes, cache.Inspect(second)!.OwnBytes);
        Flip(one, LargeSize - 1);
        var seen = new List<(string, VerifyOutcome)>();
        cache.Invalidated += (_, broken) => seen.Add((broken.CacheKey, broken.Outcome));

        var (judged, other) = verifyTheYounger ? (second, first) : (first, second);
        Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(judged))!.Outcome);
        Assert.Equal(1_000_000, Fixture.Origin.BytesServed);
        Assert.Equal([(judged, VerifyOutcome.Healed), (other, VerifyOutcome.Healed)], seen);
        Assert.Equal(Inode(one), Inode(two));
        await AssertIsWholeAsync(first);
        await AssertIsWholeAsync(second);
        Assert.Equal(charged, (cache.Inspect(first)!.OwnBytes, cache.Inspect(second)!.OwnBytes));
        // The charge passes on as ever.
        await cache.EvictAsync(first);
        Assert.Equal(charged.Item1 + charged.Item2 - 4096, cache.Inspect(second)!.OwnBytes); // b.jpg, copied, went with the first.
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task An_entry_is_withdrawn_with_all_that_share_its_broken_file_and_lends_nothing()
    {
        var cache = Fixture.Open();
        var first = await FilledAsync(cache);
        var second = await FilledAsync(cache, "snap_2");
        Flip(Path.Join(Snapshot(first), "images/large.bin"), 5);
        var result = (await cache.VerifyAsync(first, new VerifyOptions { Heal = false }))!;
        Assert.Equal(VerifyOutcome.Withdrawn, result.Outcome);
        Assert.Contains("images/large.bin", result.Why, StringComparison.Ordinal);
        Assert.Contains("images/large.bin", cache.Inspect(first)!.Broken, StringComparison.Ordinal);
        Assert.Contains("images/large.bin", cache.Inspect(second)!.Broken, StringComparison.Ordinal);
        Assert.Equal(0, Fixture.Origin.BytesServed);

        await using (var third = await cache.AcquireAsync(Fixture.Request(snapshot: "snap_3")))
        {
            Assert.Equal(Fixture.Origin.Content("datasets/cats/images/large.bin"), await File.ReadAllBytesAsync(Path.Join(third.SnapshotPath, "images/large.bin")));
            Assert.NotEqual(Inode(Path.Join(Snapshot(first), "images/large.bin")), Inode(Path.Join(third.SnapshotPath, "images/large.bin")));
        }
        // Healed from what the third has: nothing is read again.
        Fixture.Origin.ForgetServed();
        Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(second))!.Outcome);
        Assert.Equal(0, Fixture.Origin.BytesServed);
        foreach (var key in cache.List().Select(entry => entry.CacheKey))
            await AssertIsWholeAsync(key);
        Assert.Equal(DiskUseOf(), cache.Space().Entries);
    }

    [Fact]
    public async Task A_version_borrows_from_an_older_entry_where_the_newest_is_withdrawn()
    {
        var cache = Fixture.Open();
        var old = await FilledAsync(cache);
        await cache.VerifyAsync(old);
        Flip(Path.Join(Snapshot(old), "images/large.bin"), 5);
        await cache.VerifyAsync(old, new VerifyOptions { Heal = false });
        var newest = await FilledAsync(cache, "snap_2"); // Fetched: it shares nothing with the broken one.
        await cache.VerifyAsync(old);
        Flip(Path.Join(Snapshot(newest), "images/large.bin"), 5);
        await cache.VerifyAsync(newest, new VerifyOptions { Heal = false });
        Fixture.Origin.ForgetServed();
        await using var third = await cache.AcquireAsync(Fixture.Request(snapshot: "snap_3"));
        Assert.Equal((0L, 0L), (third.BytesFromOrigin, Fixture.Origin.BytesServed));
        Assert.Equal(Inode(Path.Join(Snapshot(old), "images/large.bin")), Inode(Path.Join(third.SnapshotPath, "images/large.bin")));
    }

    // Every inode once.
    private long DiskUseOf() => Directory.EnumerateFiles(Path.Join(Fixture.Root, "snapshots"), "*", SearchOption.AllDirectories)
        .DistinctBy(Inode).Sum(path => (new FileInfo(path).Length + 4095) / 4096 * 4096);

    [Fact]
    public async Task A_file_that_was_lost_in_one_of_two_sharers_is_charged_to_both_from_then_on()
    {
        var cache = Fixture.Open();
        var first = await FilledAsync(cache);
        var second = await FilledAsync(cache, "snap_2");
        Damage(Path.Join(Snapshot(first), "images/large.bin"), "missing");
        Assert.Equal((VerifyOutcome.Healed, 0), ((await cache.VerifyAsync(first))!.Outcome, Fixture.Origin.BytesServed));
        Assert.Equal(DiskUseOf(), cache.Space().Entries);
        Assert.Equal(DiskUseOf(), Fixture.Open().Space().Entries);
        await cache.EvictAsync(first);
        Assert.Equal(DiskUseOf(), cache.Space().Entries);
        await AssertIsWholeAsync(second);
    }

    [Fact]
    public async Task A_download_that_had_linked_the_broken_file_publishes_the_healed_one()
    {
        var cache = Fixture.Open();
        var first = await FilledAsync(cache);
        Fixture.Put("new.jpg", MemoryOrigin.Bytes(77, 9_000));
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        Fixture.Origin.BeforeRead = async (key, _, _) =>
        {
            if (!key.EndsWith("new.jpg", StringComparison.Ordinal))
                return;
            entered.TrySetResult();
            await go.Task;
        };
        var running = Task.Run(() => Fixture.Open().AcquireAsync(Fixture.Request(snapshot: "snap_2")));
        await entered.Task;
        Flip(Path.Join(Snapshot(first), "images/large.bin"), 5);
        Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(first))!.Outcome);
        go.SetResult();
        await using var second = await running;
        Fixture.AssertHoldsTheOrigin(second.SnapshotPath, [.. Files, "new.jpg"]);
        Assert.Equal(Inode(Path.Join(Snapshot(first), "images/large.bin")), Inode(Path.Join(second.SnapshotPath, "images/large.bin")));
        Assert.Equal(DiskUseOf(), cache.Space().Entries);
    }

    [Fact]
    public async Task A_small_file_that_is_broken_is_not_copied_into_another_version()
    {
        var cache = Fixture.Open();
        var first = await FilledAsync(cache);
        Flip(Path.Join(Snapshot(first), "images/b.jpg"), 5);
        var second = await FilledAsync(cache, "snap_2");
        Assert.Equal(VerifyOutcome.Sound, (await cache.VerifyAsync(second))!.Outcome);
        Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(first))!.Outcome);
    }

    [Fact]
    public async Task What_the_manifest_does_not_name_is_moved_out()
    {
        var cache = Fixture.Open();
        var key = await FilledAsync(cache);
        var folder = Path.Join(Snapshot(key), "images");
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ED);
        await File.WriteAllTextAsync(Path.Join(folder, "labels.cache"), "not ours");
        File.SetUnixFileMode(folder, (UnixFileMode)0x16D);
        await DealWithAsync(cache, key, new FileFault("images/labels.cache", FileFaultKind.Unexpected, [], "the manifest does not name it"));
        await AssertIsWholeAsync(key);
        Assert.Equal(0, Fixture.Origin.BytesServed);
        var kept = Assert.Single(Directory.EnumerateFiles(Path.Join(Fixture.Root, "quarantine"), "labels.cache", SearchOption.AllDirectories));
        Assert.Equal("not ours", await File.ReadAllTextAsync(kept));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_whose_digest_is_wrong_is_fetched_as_a_whole_and_the_manifest_follows(bool shared)
    {
        // Broken on its way: its checksums agree with what arrived.
        var cache = Fixture.Open();
        Fixture.Origin.Bend = (key, position, bytes) =>
        {
            if (key.EndsWith("large.bin", StringComparison.Ordinal) && position == Piece)
                bytes.Span[9] ^= 1;
        };
        var key = await FilledAsync(cache);
        Fixture.Origin.Bend = null;
        var second = shared ? await FilledAsync(cache, "snap_2") : null;
        Assert.True((await cache.VerifyAsync(key))!.Found.IsSound);
        var result = await DealWithAsync(cache, key, new FileFault("images/large.bin", FileFaultKind.WrongDigest, [], "it is not what its ETag says"));
        Assert.Equal((VerifyOutcome.Healed, (long)LargeSize), (result.Outcome, result.BytesFromOrigin));
        await AssertIsWholeAsync(key);
        if (second is not null)
            await AssertIsWholeAsync(second);
        Assert.Equal(key, cache.Inspect(key)!.CacheKey);
        File.Delete(Entry(key, "entry.json"));
        Assert.Equal(AcquireOutcome.Hit, (await cache.AcquireAsync(Fixture.Request())).Outcome);
    }

    private static Task<VerifyResult> DealWithAsync(LocalDatasetCache cache, string key, FileFault fault)
        => cache.DealWithAsync(new VerifyReport(key, 3, 0, [fault]), DirectoryHandle.StatusOf(new FileSystem(), Syscalls.AtFdCwd, EntryOf(cache, key), 0, key)!.Value, heal: true, CancellationToken.None);

    private static string EntryOf(LocalDatasetCache cache, string key) => Path.Join(Path.GetDirectoryName(Path.GetDirectoryName(cache.Inspect(key)!.Path)), "entries", key);

    [Fact]
    [Trait("Fault", "6")]
    public async Task A_disk_that_cannot_read_a_piece_costs_that_piece()
    {
        var key = await FilledAsync(Fixture.Open());
        var bad = Inode(Path.Join(Snapshot(key), "images/large.bin"));
        // Who looks at the large file cannot read it at all; who heals it cannot read its second piece.
        var (armed, reads) = (false, 0);
        var failing = Fixture.Open(files: new FileSystem(call => call is "read" && armed && ReadsLarge() && (!File.Exists(Entry(key, "broken")) || Interlocked.Increment(ref reads) == 2) ? Syscalls.EIO : 0));
        armed = true;
        var result = (await failing.VerifyAsync(key))!;
        armed = false;
        Assert.Equal(VerifyOutcome.Healed, result.Outcome);
        Assert.Equal((Piece, 3), (result.BytesFromOrigin, reads));
        Assert.NotEqual(bad, Inode(Path.Join(Snapshot(key), "images/large.bin")));
        await AssertIsWholeAsync(key);

        // Other tests run beside this one: the whole path tells.
        bool ReadsLarge() => Directory.EnumerateFiles("/proc/self/fd").Any(fd => string.Equals(new FileInfo(fd).LinkTarget, Path.Join(Snapshot(key), "images/large.bin"), StringComparison.Ordinal));
    }
}
