using DatasetCache.Eviction;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class EvictionTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();
    private readonly FakeTime time = new();
    private readonly LocalDatasetCache cache;

    public EvictionTests() => cache = fixture.Open(options => options with { MaxSize = 100_000 }, time: time);

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    // One file that no other entry has: size rounds up to blocks of 4,096.
    private AcquireRequest Dataset(string name, int size, int? job = null)
    {
        fixture.Origin.Put($"datasets/{name}/a.bin", MemoryOrigin.Bytes(name[0], size));
        return fixture.Request(job) with { Dataset = fixture.Request().Dataset with { DatasetId = name, SnapshotId = "snap_" + name } };
    }

    private async Task<string> GetAsync(string name, int size, int? job = null)
    {
        await using var lease = await cache.AcquireAsync(Dataset(name, size, job));
        time.Advance(TimeSpan.FromMinutes(1));
        return lease.CacheKey;
    }

    private bool Has(string key) => Directory.Exists(Path.Join(fixture.Root, "snapshots", key));

    [Fact]
    public async Task Space_is_made_by_the_least_recently_used_and_down_to_the_low_mark()
    {
        var old = await GetAsync("old", 30_000);
        var used = await GetAsync("used", 30_000);
        var third = await GetAsync("third", 30_000);
        await GetAsync("old", 30_000); // A hit: now `used` is the oldest.
        var evicted = new List<EntryEvictedEventArgs>();
        cache.Evicted += (_, gone) => evicted.Add(gone);
        await GetAsync("fresh", 20_000);
        Assert.Equal((true, false, true), (Has(old), Has(used), Has(third)));
        Assert.Equal((used, 32_768, EvictionCause.Space), (Assert.Single(evicted).CacheKey, evicted[0].FreedBytes, evicted[0].Cause));
        // 65,536 + 20,480 are left. 8,192 more would fit the quota, but not below its low mark of 90 %.
        await GetAsync("small", 14_000);
        Assert.Equal((true, false), (Has(old), Has(third)));
        Assert.True(cache.Space().Used <= 90_000);
    }

    [Fact]
    public async Task What_expired_goes_before_what_is_older_in_use_but_still_fresh()
    {
        for (var i = 0; i < 30; i++)
            await GetAsync("loved", 30_000); // 30 recent uses: fresh for days.
        var loved = await GetAsync("loved", 30_000);
        time.Advance(TimeSpan.FromMinutes(1));
        var once = await GetAsync("once", 30_000);
        time.Advance(TimeSpan.FromHours(50));
        Assert.Equal((false, true), (cache.Explain(loved)!.IsExpired, cache.Explain(once)!.IsExpired));
        await GetAsync("new", 40_000);
        Assert.Equal((true, false), (Has(loved), Has(once)));
    }

    [Fact]
    public async Task Nothing_protected_goes_and_the_refusal_says_what_is_and_why()
    {
        await using var leased = await cache.AcquireAsync(Dataset("leased", 20_000));
        await GetAsync("linked", 20_000, job: 7);
        Assert.True(cache.Pin(await GetAsync("pinned", 20_000)));
        await using (await cache.AcquireAsync(Dataset("held", 20_000) with { Hold = TimeSpan.FromHours(1), JobId = "91" }))
        {
        }
        var free = await GetAsync("free", 4_000);
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => GetAsync("new", 50_000));
        foreach (var words in new[] { "1 entry of 20,480 bytes in use by running processes", "1 entry of 20,480 bytes held by job links", "1 entry of 20,480 bytes pinned", "1 entry of 20,480 bytes held until a time" })
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.True(Has(free), "evicted in vain");
        Assert.Equal(5, cache.List().Count);
    }

    [Fact]
    public async Task Each_protection_ends_when_its_reason_does()
    {
        var linked = await GetAsync("linked", 20_000, job: 7);
        var pinned = await GetAsync("pinned", 20_000);
        cache.Pin(pinned);
        await using (await cache.AcquireAsync(Dataset("held", 20_000) with { Hold = TimeSpan.FromHours(1) }))
        {
        }
        var held = cache.List().Single(entry => entry.Holders.Any(holder => holder.Until is not null)).CacheKey;
        var lease = await cache.AcquireAsync(Dataset("leased", 20_000));
        foreach (var key in new[] { linked, pinned, held, lease.CacheKey })
            Assert.Equal(EvictionOutcome.Protected, (await cache.EvictAsync(key)).Outcome);

        File.Delete(fixture.Job(7) + "/dataset");
        Assert.True(cache.Unpin(pinned));
        time.Advance(TimeSpan.FromHours(1));
        await lease.DisposeAsync();
        foreach (var key in new[] { linked, pinned, held, lease.CacheKey })
        {
            Assert.Equal(EvictionOutcome.Evicted, (await cache.EvictAsync(key)).Outcome);
            Assert.False(Has(key));
        }
        Assert.Empty(cache.List());
        Assert.Equal(0, cache.Space().Used);
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task A_pin_survives_a_restart_and_protects_from_other_processes()
    {
        var key = await GetAsync("cats", 20_000);
        cache.Pin(key);
        var other = fixture.Open(options => options with { MaxSize = 30_000 }, time: time);
        await Assert.ThrowsAsync<NoSpaceException>(() => other.AcquireAsync(Dataset("dogs", 20_000)));
        Assert.Equal(ProtectionKind.Pin, Assert.Single((await other.EvictAsync(key)).Protections).Kind);
        other.Unpin(key);
        await using var dogs = await other.AcquireAsync(Dataset("dogs", 20_000));
        Assert.False(Has(key));
    }

    [Fact]
    public async Task What_cannot_be_looked_at_counts_as_in_use()
    {
        var key = await GetAsync("cats", 20_000, job: 1);
        // A name too long for any file system fails to be looked at, as a file server that is away does.
        var record = Directory.EnumerateFiles(Path.Join(fixture.Root, "roots")).Single();
        File.WriteAllText(record, File.ReadAllText(record).Replace(fixture.Job(1), "/" + new string('x', 300), StringComparison.Ordinal));
        Assert.Equal(ProtectionKind.JobLink, Assert.Single((await cache.EvictAsync(key)).Protections).Kind);
    }

    [Fact]
    public async Task Prune_takes_what_its_filter_names_and_a_dry_run_takes_nothing()
    {
        var old = await GetAsync("old", 10_000);
        var kept = await GetAsync("kept", 10_000, job: 1);
        time.Advance(TimeSpan.FromDays(40));
        var recent = await GetAsync("recent", 10_000);

        var dry = await cache.PruneAsync(new PruneFilter { OlderThan = TimeSpan.FromDays(30) }, dryRun: true);
        Assert.Equal((old, 12_288), (Assert.Single(dry.Evicted).CacheKey, dry.FreedBytes));
        Assert.True(Has(old));
        var report = await cache.PruneAsync(new PruneFilter { Expired = true });
        Assert.Equal(old, Assert.Single(report.Evicted).CacheKey);
        Assert.Equal(kept, Assert.Single(report.Kept).CacheKey);
        Assert.Equal((false, true, true), (Has(old), Has(kept), Has(recent)));
        await cache.PruneAsync(new PruneFilter { All = true });
        Assert.Equal((true, false), (Has(kept), Has(recent)));
        await Assert.ThrowsAsync<InvalidRequestException>(() => cache.PruneAsync(new PruneFilter()));
    }

    [Fact]
    public async Task Orphans_are_what_belongs_to_no_entry()
    {
        var key = await GetAsync("cats", 10_000, job: 1);
        Directory.CreateDirectory(Path.Join(fixture.Root, "snapshots", "nobody"));
        Directory.CreateDirectory(Path.Join(fixture.Root, "entries", "half"));
        Directory.CreateDirectory(Path.Join(fixture.Root, "staging", "~evicted-0123"));
        File.Delete(fixture.Job(1) + "/dataset");
        Assert.Equal(3, (await cache.PruneAsync(new PruneFilter { Orphaned = true })).Orphans); // The evicted one went when the lock was taken.
        Assert.True(Has(key));
        Assert.Equal([key], Directory.EnumerateDirectories(Path.Join(fixture.Root, "snapshots")).Concat(Directory.EnumerateDirectories(Path.Join(fixture.Root, "entries"))).Select(Path.GetFileName).Distinct(StringComparer.Ordinal));
        Assert.Empty(Directory.EnumerateFiles(Path.Join(fixture.Root, "roots")));
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task Explain_tells_rank_time_and_bytes()
    {
        var first = await GetAsync("first", 10_000);
        var second = await GetAsync("second", 20_000);
        var explained = cache.Explain(second)!;
        Assert.Equal((2, 2, 12_288L, 20_480L, 20_480L), (explained.Rank, explained.Entries, explained.UnprotectedBytesBefore, explained.FreeableBytes, explained.ChargedBytes));
        Assert.Equal(explained.ExpiresAt, cache.Inspect(second)!.ExpiresAt);
        Assert.InRange(explained.ExpiresAt - explained.LastUsedAt, TimeSpan.FromHours(24), TimeSpan.FromHours(48));
        Assert.Equal(1, cache.Explain(first)!.Rank);
        Assert.Null(cache.Explain("nobody"));
    }
}
