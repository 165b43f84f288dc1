using DatasetCache.History;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.History;

public sealed class HistoryTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public HistoryTests() => fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private string Log => Path.Join(fixture.Root, "history", "log");

    [Fact]
    public async Task A_hit_notes_nothing()
    {
        var cache = fixture.Open();
        await using var miss = await cache.AcquireAsync(fixture.Request());
        var before = await File.ReadAllBytesAsync(Log);
        await using var hit = await cache.AcquireAsync(fixture.Request());

        Assert.Equal(AcquireOutcome.Hit, hit.Outcome);
        Assert.Equal(before, await File.ReadAllBytesAsync(Log));
    }

    [Fact]
    [Trait("Fault", "1")]
    public async Task A_torn_line_costs_no_other()
    {
        var cache = fixture.Open();
        await using var lease = await cache.AcquireAsync(fixture.Request());
        cache.Pin(lease.CacheKey);
        cache.Unpin(lease.CacheKey);
        var lines = (await File.ReadAllTextAsync(Log)).Split('\n');
        // The second was cut by a power cut, and who came next wrote behind it.
        await File.WriteAllTextAsync(Log, $"{lines[0]}\n{lines[1][..20]}{new string('\0', 30)}\n{lines[2]}\n");

        Assert.Equal(["unpinned", "downloaded"], fixture.Open().History(lease.CacheKey, 10).Select(happened => happened.Kind));
    }

    [Fact]
    public void It_keeps_the_newest_and_stays_bounded()
    {
        const int fullAt = 10_000;
        using var root = CacheRoot.Open(fixture.Root);
        var log = new HistoryLog(root, TimeProvider.System, fullAt);
        for (var i = 0; i < 1000; i++)
            log.Add(i % 2 == 0 ? "even" : "odd", "pinned", $"{i}");

        Assert.InRange(Directory.GetFiles(Path.Join(fixture.Root, "history")).Sum(file => new FileInfo(file).Length), fullAt, 2 * fullAt + HistoryRecord.Longest);
        Assert.Equal(["998", "996", "994"], log.Read("even", 3).Select(happened => happened.Detail));
        Assert.True(log.Read(cacheKey: null, int.MaxValue).Count is > 150 and < 1000);
    }

    [Fact]
    public void What_is_too_long_is_cut_between_characters_and_line_breaks_do_not_tear_it()
    {
        using var root = CacheRoot.Open(fixture.Root);
        var log = new HistoryLog(root, TimeProvider.System);
        log.Add("key", "broken", "a\nb" + new string('ß', 2000));

        var happened = Assert.Single(log.Read("key", 10));
        Assert.StartsWith("a; bß", happened.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain('\uFFFD', happened.Detail);
        Assert.True(new FileInfo(Log).Length <= HistoryRecord.Longest);
    }
}
