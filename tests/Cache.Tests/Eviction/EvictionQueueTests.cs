using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class EvictionQueueTests : IAsyncDisposable
{
    private const int Entries = 150; // More than are sorted at first.

    private readonly CacheFixture fixture = new();
    private readonly FakeTime time = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private async Task<(CacheRoot Root, EntryStore Entries, EntryIndex Index)> FillAsync()
    {
        fixture.Put("a.bin", "content");
        var cache = fixture.Open(time: time);
        for (var i = 0; i < Entries; i++)
        {
            time.Advance(TimeSpan.FromMinutes(i * 7919 % 13));
            await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: $"snap_{i * 67 % Entries:d3}"));
        }
        var root = CacheRoot.Open(fixture.Root);
        var entries = new EntryStore(root, time);
        return (root, entries, new EntryIndex(root, entries, new AdaptiveTtl(TimeSpan.FromHours(24), TimeSpan.FromDays(30))));
    }

    private List<string> Drain(EvictionQueue queue)
    {
        var order = new List<string>();
        while (queue.Next(time.GetUtcNow()) is { } next)
            order.Add(next.CacheKey);
        return order;
    }

    [Fact]
    public async Task All_entries_come_once_in_the_order_of_eviction_and_again_for_the_next_decision()
    {
        var (root, _, index) = await FillAsync();
        using (root)
        {
            var queue = new EvictionQueue(index);
            queue.Start();
            var order = Drain(queue);
            Assert.Equal(EvictionOrder.Sort(index.Candidates(), time.GetUtcNow()).Select(entry => entry.CacheKey), order);
            Assert.Equal(Entries, order.Count);
            queue.Start();
            Assert.Equal(order, Drain(queue));
        }
    }

    [Fact]
    public async Task What_was_used_since_it_was_read_comes_at_its_new_place_and_only_there()
    {
        var (root, entries, index) = await FillAsync();
        using (root)
        {
            var queue = new EvictionQueue(index);
            queue.Start();
            var before = EvictionOrder.Sort(index.Candidates(), time.GetUtcNow()).Select(entry => entry.CacheKey).ToArray();
            Assert.Equal(before[0], queue.Next(time.GetUtcNow())!.Value.CacheKey);
            time.Advance(TimeSpan.FromHours(1));
            // Two of the first batch, and one that has not been sorted yet.
            foreach (var used in new[] { before[1], before[40], before[140] })
                entries.Touch(used);
            string[] last = [.. new[] { before[1], before[40], before[140] }.Order(StringComparer.Ordinal)];
            Assert.Equal([.. before.Skip(1).Except(last, StringComparer.Ordinal), .. last], Drain(queue));
        }
    }
}
