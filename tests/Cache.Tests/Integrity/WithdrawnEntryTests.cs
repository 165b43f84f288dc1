using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>What becomes of a withdrawn entry when somebody asks for its dataset.</summary>
public sealed class WithdrawnEntryTests : HealingCase
{
    private static readonly VerifyOptions Look = new() { Heal = false };

    /// <summary>Ready, then found broken in its second piece, and withdrawn.</summary>
    private async Task<string> WithdrawnAsync(LocalDatasetCache cache, int? job = null)
    {
        var key = await FilledAsync(cache, job: job);
        Flip(Path.Join(Snapshot(key), "images/large.bin"), Piece + 5);
        Assert.Equal(VerifyOutcome.Withdrawn, (await cache.VerifyAsync(key, Look))!.Outcome);
        return key;
    }

    [Fact]
    public async Task Asking_for_it_heals_it_and_fetches_the_broken_piece_alone()
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache);
        await using (var lease = await Fixture.Open().AcquireAsync(Fixture.Request(1)))
        {
            Assert.Equal((AcquireOutcome.Miss, key, (long)Piece), (lease.Outcome, lease.CacheKey, lease.BytesFromOrigin));
            Assert.Equal((Piece, 0), (Fixture.Origin.BytesServed, Fixture.Origin.Listings - 1));
        }
        await AssertIsWholeAsync(key);
    }

    [Fact]
    [Trait("Fault", "17")]
    public async Task However_many_ask_at_once_it_is_healed_once()
    {
        var key = await WithdrawnAsync(Fixture.Open());
        var caches = Enumerable.Range(0, 4).Select(_ => Fixture.Open()).ToArray();
        var leases = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => caches[i % 4].AcquireAsync(Fixture.Request(i))))
            .Concat<Task>([Task.Run(() => caches[0].VerifyAsync(key)), Task.Run(() => caches[1].VerifyAsync(key))]).Select(async task =>
            {
                await task;
                return task is Task<DatasetLease> got ? await got : null;
            }));
        Assert.Equal(Piece, Fixture.Origin.BytesServed);
        foreach (var lease in leases.OfType<DatasetLease>())
        {
            Fixture.AssertHoldsTheOrigin(lease.Path + "/", Files);
            await lease.DisposeAsync();
        }
        await AssertIsWholeAsync(key);
    }

    [Fact]
    public async Task Strict_callers_get_an_error_that_names_the_files_and_what_to_do()
    {
        var key = await WithdrawnAsync(Fixture.Open());
        var error = await Assert.ThrowsAsync<IntegrityException>(() => Fixture.Open(options => options with { Strict = true }).AcquireAsync(Fixture.Request()));
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains("images/large.bin", error.Message, StringComparison.Ordinal);
        Assert.Contains("dscache verify " + key, error.Advice, StringComparison.Ordinal);
        Assert.Equal(0, Fixture.Origin.BytesServed);
        Assert.NotNull(Fixture.Open().Inspect(key)!.Broken);
    }

    [Fact]
    public async Task Offline_callers_are_told_that_it_is_here_and_broken()
    {
        var key = await WithdrawnAsync(Fixture.Open());
        var offline = Fixture.Open(options => options with { Offline = true });
        var error = await Assert.ThrowsAsync<OfflineException>(() => offline.AcquireAsync(Fixture.Request()));
        Assert.Contains(key + " is in the cache, but broken (images/large.bin", error.Message, StringComparison.Ordinal);
        var result = (await offline.VerifyAsync(key))!;
        Assert.Equal(VerifyOutcome.Withdrawn, result.Outcome);
        Assert.Contains("offline", result.Why, StringComparison.Ordinal);
        Assert.Equal((0L, 1), (Fixture.Origin.BytesServed, Fixture.Origin.Listings));
    }

    [Fact]
    public async Task While_its_origin_is_down_it_stays_withdrawn_and_the_next_call_heals_it()
    {
        var cache = Fixture.Open(options => options with { Attempts = 1 });
        var key = await WithdrawnAsync(cache);
        Fixture.Origin.BeforeRead = (object_, _, _) => throw new OriginException(OriginFailure.Network, "No route to host.", object_);
        var error = await Assert.ThrowsAsync<OriginException>(() => cache.AcquireAsync(Fixture.Request()));
        Assert.StartsWith($"{key} is broken and could not be healed: No route to host.", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsWorthRetrying);
        Assert.Contains("No route to host.", (await cache.VerifyAsync(key))!.Why, StringComparison.Ordinal);
        Fixture.Origin.BeforeRead = null;
        await using (var lease = await cache.AcquireAsync(Fixture.Request()))
            Assert.Equal(Piece, lease.BytesFromOrigin);
        await AssertIsWholeAsync(key);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_the_origin_has_changed_it_goes_and_what_the_origin_has_now_comes(bool isGone)
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache);
        if (isGone)
            Fixture.Origin.Delete("datasets/cats/images/large.bin");
        else
            Fixture.Put("images/large.bin", MemoryOrigin.Bytes(99, LargeSize));
        var seen = new List<VerifyOutcome>();
        cache.Invalidated += (_, broken) => seen.Add(broken.Outcome);
        await using var lease = await cache.AcquireAsync(Fixture.Request(1));
        Assert.Equal((AcquireOutcome.Miss, key), (lease.Outcome, lease.CacheKey));
        Fixture.AssertHoldsTheOrigin(lease.Path + "/", isGone ? Files[..2] : Files);
        Assert.Equal([VerifyOutcome.Quarantined], seen);
        Assert.Contains("the origin no longer has what it held", await File.ReadAllTextAsync(Assert.Single(Directory.EnumerateFiles(Path.Join(Fixture.Root, "quarantine"), "reason", SearchOption.AllDirectories))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_the_origin_has_changed_and_a_job_holds_it_it_stays_and_says_so(bool sameETag)
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache, job: 1);
        if (sameETag)
            Fixture.Origin.Bend = (_, position, bytes) => bytes.Span[0] ^= position == Piece ? (byte)1 : (byte)0;
        else
            Fixture.Put("images/large.bin", MemoryOrigin.Bytes(99, LargeSize));
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal(VerifyOutcome.Withdrawn, result.Outcome);
        Assert.Contains(sameETag ? "has the same ETag at the origin and other bytes" : "the origin no longer has what it held", result.Why, StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<IntegrityException>(() => cache.AcquireAsync(Fixture.Request(2)));
        Assert.Contains("stays withdrawn for as long as jobs hold it", error.Message, StringComparison.Ordinal);
        Assert.Contains("dscache explain " + key, error.Advice, StringComparison.Ordinal);
        Assert.Equal(LargeSize, new FileInfo(Path.Join(Fixture.Job(1), "dataset/images/large.bin")).Length);
        // The job ends: then it goes.
        cache.Release(Fixture.Job(1));
        Fixture.Origin.Bend = null;
        await using var lease = await cache.AcquireAsync(Fixture.Request(2));
        Fixture.AssertHoldsTheOrigin(lease.Path + "/", Files);
    }

    [Fact]
    public async Task A_folder_that_is_not_mounted_is_no_reason_to_let_go()
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache);
        foreach (var file in Files)
            Fixture.Origin.Delete("datasets/cats/" + file);
        Assert.Equal(VerifyOutcome.Withdrawn, (await cache.VerifyAsync(key))!.Outcome);
        Assert.NotNull(cache.Inspect(key));
    }

    [Fact]
    public async Task Of_a_mutable_dataset_that_has_changed_the_new_version_comes_though_a_job_holds_the_broken_one()
    {
        var cache = Fixture.Open();
        var mutable = Fixture.Request(1) with { Dataset = Fixture.Request().Dataset with { SnapshotId = null } };
        string key;
        await using (var first = await cache.AcquireAsync(mutable))
            key = first.CacheKey;
        Flip(Path.Join(Snapshot(key), "images/large.bin"), 5);
        await cache.VerifyAsync(key, Look);
        Fixture.Put("images/large.bin", MemoryOrigin.Bytes(99, LargeSize));
        await using var lease = await cache.AcquireAsync(mutable with { JobDirectory = Fixture.Job(2) });
        Assert.NotEqual(key, lease.CacheKey);
        Fixture.AssertHoldsTheOrigin(lease.Path + "/", Files);
        Assert.True(Directory.Exists(Snapshot(key)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"since\":\"2026-01-")]
    [InlineData("a sealed letter")]
    public async Task A_torn_mark_means_broken_and_all_is_looked_at_again(string torn)
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache);
        await File.WriteAllTextAsync(Entry(key, "broken"), torn);
        Flip(Path.Join(Snapshot(key), "a.jpg"), 5);
        Fixture.Origin.ForgetServed();
        await using (var lease = await Fixture.Open().AcquireAsync(Fixture.Request(1)))
            Assert.Equal(Piece + 40_000, lease.BytesFromOrigin);
        await AssertIsWholeAsync(key);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_mark_on_a_whole_entry_goes_by_reading_alone(bool byVerifying)
    {
        var cache = Fixture.Open();
        var key = await FilledAsync(cache);
        await File.WriteAllTextAsync(Entry(key, "broken"), "");
        if (byVerifying)
            Assert.Equal(VerifyOutcome.Healed, (await cache.VerifyAsync(key))!.Outcome);
        else
            await using (await cache.AcquireAsync(Fixture.Request())) { }
        Assert.Equal(0, Fixture.Origin.BytesServed);
        await AssertIsWholeAsync(key);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_torn_manifest_is_made_again_from_the_listing(bool plainMd5)
    {
        Fixture.Origin.HasPlainMd5 = plainMd5;
        var cache = Fixture.Open();
        var key = await FilledAsync(cache);
        File.SetUnixFileMode(Entry(key, "manifest"), (UnixFileMode)0x1A4);
        await File.WriteAllTextAsync(Entry(key, "manifest"), "dscache-manifest 1\n400");
        Flip(Path.Join(Snapshot(key), "a.jpg"), 5);
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal(VerifyOutcome.Healed, result.Outcome);
        Assert.Equal(plainMd5 ? 40_000 : 40_300 + LargeSize, result.BytesFromOrigin);
        await AssertIsWholeAsync(key);
        File.Delete(Entry(key, "entry.json"));
        await using var hit = await cache.AcquireAsync(Fixture.Request());
        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
    }

    [Fact]
    public async Task A_torn_manifest_of_what_the_origin_no_longer_has_is_beyond_healing()
    {
        var cache = Fixture.Open();
        var key = await FilledAsync(cache);
        File.Delete(Entry(key, "manifest"));
        Fixture.Put("a.jpg", "new");
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal(VerifyOutcome.Quarantined, result.Outcome);
        Assert.Contains("its manifest is lost, and what memory:test/datasets/cats/ lists now is not what the manifest named", result.Why, StringComparison.Ordinal);
        Assert.Null(cache.Inspect(key));
    }

    [Fact]
    [Trait("Fault", "6")]
    public async Task On_a_disk_that_takes_no_mark_this_process_hands_it_out_no_more()
    {
        await FilledAsync(Fixture.Open());
        var isReadOnly = false;
        var cache = Fixture.Open(files: new FileSystem(call => isReadOnly && call is "write" or "rename" or "mkdir" ? Syscalls.EROFS : 0));
        string key;
        await using (var lease = await cache.AcquireAsync(Fixture.Request()))
            key = lease.CacheKey;
        Flip(Path.Join(Snapshot(key), "a.jpg"), 5);
        isReadOnly = true;
        Assert.Equal(VerifyOutcome.Withdrawn, (await cache.VerifyAsync(key))!.Outcome);
        await Assert.ThrowsAsync<StorageException>(() => cache.AcquireAsync(Fixture.Request()));
        isReadOnly = false;
        await using (var lease = await cache.AcquireAsync(Fixture.Request()))
            Assert.Equal(40_000, lease.BytesFromOrigin);
        await AssertIsWholeAsync(key);
    }

    [Fact]
    public async Task Without_space_to_heal_it_stays_withdrawn_until_there_is_some()
    {
        var cache = Fixture.Open(options => options with { MaxSize = LargeSize + 100_000 });
        var key = await WithdrawnAsync(cache);
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => cache.AcquireAsync(Fixture.Request()));
        Assert.Contains("quota", error.Message, StringComparison.Ordinal);
        Assert.NotNull(cache.Inspect(key)!.Broken);
        await using (var lease = await Fixture.Open().AcquireAsync(Fixture.Request()))
            Assert.Equal(Piece, lease.BytesFromOrigin);
        await AssertIsWholeAsync(key);
    }

    [Fact]
    public async Task It_can_be_pinned_and_evicted_like_any_other()
    {
        var cache = Fixture.Open();
        var key = await WithdrawnAsync(cache);
        Assert.True(cache.Pin(key));
        Assert.Equal(DatasetCache.Eviction.EvictionOutcome.Protected, (await cache.EvictAsync(key)).Outcome);
        cache.Unpin(key);
        Assert.Equal(DatasetCache.Eviction.EvictionOutcome.Evicted, (await cache.EvictAsync(key)).Outcome);
        Assert.Equal(0, cache.Space().Used);
    }
}
