using System.Globalization;
using DatasetCache.Origins;
using DatasetCache.Statistics;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Statistics;

public sealed class StatisticsTests : IAsyncDisposable
{
    private const int Size = 6_000;

    private readonly CacheFixture fixture = new();
    private readonly ManualTime time = new();

    public StatisticsTests() => fixture.Put("a.jpg", MemoryOrigin.Bytes(1, Size));

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private string Room => Path.Join(fixture.Root, "stats");

    private string Today => Path.Join(Room, time.Now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));

    private async Task<string> GetAsync(LocalDatasetCache cache, string snapshot = "snap_1", bool prefetch = false)
    {
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: snapshot) with { IsPrefetch = prefetch });
        return lease.CacheKey;
    }

    private static UsageStatistics All(LocalDatasetCache cache) => cache.Statistics(DateOnly.MinValue, DateOnly.MaxValue);

    [Fact]
    public async Task Hits_and_misses_are_added_up_by_the_day_of_UTC_and_by_key()
    {
        var cache = fixture.Open(time: time);
        time.Now = new DateTimeOffset(2026, 3, 1, 23, 59, 59, TimeSpan.Zero);
        var first = await GetAsync(cache);
        await GetAsync(cache);
        time.Now = new DateTimeOffset(2026, 3, 2, 2, 0, 0, TimeSpan.FromHours(2));
        var second = await GetAsync(cache, "snap_2");
        await GetAsync(cache);

        var read = All(fixture.Open(time: time));
        Assert.Equal([new DateOnly(2026, 3, 1), new DateOnly(2026, 3, 2)], read.Days.Select(day => day.Day));
        Assert.Equal(new UsageTally { Hits = 1, Misses = 1, BytesServed = 2 * Size, BytesFromOrigin = Size, BytesSaved = Size }, read.Days[0].Tally);
        // The other snapshot is the same object: it was linked, and nothing of it read.
        Assert.Equal(new UsageTally { Hits = 1, Misses = 1, BytesServed = 2 * Size, BytesSaved = 2 * Size }, read.Days[1].Tally);
        Assert.Equal(read.Days[0].Tally + read.Days[1].Tally, read.Total);
        Assert.Equal([(first, 2L, 1L), (second, 0L, 1L)], read.Entries.Select(entry => (entry.CacheKey, entry.Tally.Hits, entry.Tally.Misses)));
        Assert.Equal(0.5, read.Total.HitRate);
        Assert.Equal(2, cache.Statistics(new DateOnly(2026, 3, 2), new DateOnly(2026, 3, 2)).Total.Requests);
    }

    [Fact]
    public async Task A_prefetch_counts_what_it_reads_and_is_neither_hit_nor_miss()
    {
        var cache = fixture.Open();
        await GetAsync(cache, prefetch: true);
        await GetAsync(cache, prefetch: true);
        Assert.Equal(new UsageTally { BytesFromOrigin = Size }, All(cache).Total);
    }

    [Fact]
    public async Task What_a_failed_download_read_is_counted()
    {
        fixture.Origin.BeforeRead = (key, _, _) => key.EndsWith("b.jpg", StringComparison.Ordinal) ? throw new OriginException(OriginFailure.NotFound, "gone") : ValueTask.CompletedTask;
        fixture.Put("b.jpg", MemoryOrigin.Bytes(2, Size));
        var cache = fixture.Open(options => options with { Concurrency = 1 });
        await Assert.ThrowsAsync<OriginException>(() => GetAsync(cache));
        Assert.Equal(new UsageTally { Failures = 1, BytesFromOrigin = All(cache).Total.BytesFromOrigin }, All(cache).Total);
        fixture.Origin.BeforeRead = null;
        await GetAsync(cache);
        Assert.Equal((1, 1, 2L * Size), (All(cache).Total.Failures, All(cache).Total.Misses, All(cache).Total.BytesFromOrigin));
    }

    [Fact]
    public async Task What_healing_reads_is_counted()
    {
        var cache = fixture.Open();
        var key = await GetAsync(cache);
        var file = Path.Join(fixture.Root, "snapshots", key, "a.jpg");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllBytesAsync(file, MemoryOrigin.Bytes(9, Size));
        await cache.VerifyAsync(key);
        Assert.Equal((1, 2L * Size), (All(cache).Total.Misses, All(cache).Total.BytesFromOrigin));
    }

    [Fact]
    public async Task Evictions_are_counted_with_what_they_freed()
    {
        var cache = fixture.Open();
        var key = await GetAsync(cache);
        await cache.EvictAsync(key);
        Assert.Equal((1, 8192L), (All(cache).Total.Evictions, All(cache).Total.BytesEvicted));
    }

    [Fact]
    public async Task Many_at_once_lose_nothing()
    {
        const int writers = 8, each = 250;
        await GetAsync(fixture.Open());
        var caches = Enumerable.Range(0, writers).Select(_ => fixture.Open()).ToArray();
        await Task.WhenAll(caches.Select(cache => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
                await GetAsync(cache);
        })));
        Assert.Equal(writers * each, All(fixture.Open()).Total.Hits);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(159)]
    public async Task A_torn_record_costs_itself_and_no_other(int left)
    {
        var cache = fixture.Open(time: time);
        await GetAsync(cache);
        await GetAsync(cache);
        using (var file = File.OpenHandle(Today, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.SetLength(file, RandomAccess.GetLength(file) - 160 + left);
        await GetAsync(cache);
        await GetAsync(cache);
        Assert.Equal((1, 2), (All(cache).Total.Misses, All(cache).Total.Hits));
        var bytes = await File.ReadAllBytesAsync(Today);
        bytes[^10] ^= 1;
        await File.WriteAllBytesAsync(Today, bytes);
        Assert.Equal(1, All(cache).Total.Hits);
    }

    [Theory]
    [InlineData("nothing can be created")]
    [InlineData("the day cannot be opened")]
    [InlineData("the day leads elsewhere")]
    public async Task A_get_goes_on_where_nothing_can_be_counted(string how)
    {
        var cache = fixture.Open(time: time);
        var elsewhere = Path.Join(fixture.Root, "elsewhere");
        await File.WriteAllTextAsync(elsewhere, "");
        if (how.StartsWith("nothing", StringComparison.Ordinal))
            await File.WriteAllTextAsync(Room, "");
        else
            Directory.CreateDirectory(Room);
        if (how.EndsWith("opened", StringComparison.Ordinal))
            Directory.CreateDirectory(Today);
        if (how.EndsWith("elsewhere", StringComparison.Ordinal))
            File.CreateSymbolicLink(Today, elsewhere);
        await GetAsync(cache);
        await GetAsync(cache);
        Assert.Equal(0, new FileInfo(elsewhere).Length);
    }

    [Fact]
    public async Task A_full_disk_does_not_fail_a_hit()
    {
        await GetAsync(fixture.Open(time: time));
        var refused = 0;
        await GetAsync(fixture.Open(files: new FileSystem(call => call is "write" && ++refused > 0 ? Syscalls.ENOSPC : 0), time: time));
        Assert.Equal(2, refused);
    }

    [Fact]
    public async Task Of_a_past_day_the_most_used_keys_stay_and_the_sum_of_all()
    {
        const int keys = 450;
        var cache = fixture.Open(time: time);
        Directory.CreateDirectory(Room);
        var bytes = new byte[keys * TallyRecord.Size];
        for (var i = 0; i < keys; i++)
            TallyRecord.Write(bytes.AsSpan(i * TallyRecord.Size), $"key{i}", new UsageTally { Hits = i + 1, BytesServed = 10 });
        await File.WriteAllBytesAsync(Today, bytes);
        var before = All(cache);
        time.Now += TimeSpan.FromDays(2);
        await GetAsync(cache);
        var after = cache.Statistics(before.Days[0].Day, before.Days[0].Day);
        Assert.Equal((before.Total, 10L * keys), (after.Total, after.Total.BytesServed));
        Assert.Equal(before.Entries.Take(200), after.Entries);
    }

    [Fact]
    public async Task Days_that_are_past_become_small_and_then_go()
    {
        var cache = fixture.Open(time: time);
        var key = await GetAsync(cache);
        for (var i = 0; i < 500; i++)
            await GetAsync(cache);
        var day = Today;
        var before = All(cache);
        Assert.Equal(501, before.Total.Requests);

        time.Now += TimeSpan.FromDays(1);
        await GetAsync(cache);
        Assert.Equal(502 * 160, new FileInfo(day).Length); // Yesterday's is not touched: somebody may be late.
        time.Now += TimeSpan.FromDays(1);
        await GetAsync(cache);
        Assert.Equal(2 * 160, new FileInfo(day).Length);
        var after = cache.Statistics(before.Days[0].Day, before.Days[0].Day);
        Assert.Equal(before.Total, after.Total);
        Assert.Equal((key, before.Entries[0].Tally), (after.Entries[0].CacheKey, after.Entries[0].Tally));

        time.Now += TimeSpan.FromDays(StatisticsLog.KeptDays - 2);
        await GetAsync(cache);
        Assert.True(File.Exists(day));
        time.Now += TimeSpan.FromDays(1);
        await GetAsync(cache);
        Assert.False(File.Exists(day));
    }
}
