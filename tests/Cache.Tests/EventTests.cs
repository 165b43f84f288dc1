using DatasetCache.Datasets;

namespace DatasetCache.Cache.Tests;

/// <summary>What the cache tells its owner about, and what a handler cannot break.</summary>
public sealed class EventTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task A_new_version_of_a_mutable_dataset_is_told_of_once_however_many_asked_and_by_nobody_else()
    {
        var cache = fixture.Open();
        var other = fixture.Open();
        var updates = new List<EntryUpdatedEventArgs>();
        cache.Updated += (_, update) => updates.Add(update);
        other.Updated += (_, update) => updates.Add(update);
        fixture.Put("a.txt", "1");
        fixture.Put("b.txt", "1");
        var first = await AcquireAsync(cache);
        Assert.Empty(updates);
        fixture.Put("a.txt", "2");
        fixture.Put("c.txt", "3");
        fixture.Origin.Delete("datasets/cats/b.txt");

        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AcquireAsync(cache)));
        var again = await AcquireAsync(other, refresh: false);

        var second = Assert.Single(keys.Append(again).Distinct(StringComparer.Ordinal));
        var update = Assert.Single(updates);
        Assert.Equal((first, second, new VersionChanges(1, 1, 1)), (update.PreviousKey, update.CacheKey, update.Changes));
    }

    [Fact]
    public async Task Nothing_is_told_of_an_update_whose_old_version_is_gone()
    {
        var cache = fixture.Open();
        fixture.Put("a.txt", "1");
        await cache.EvictAsync(await AcquireAsync(cache), cancellationToken: TestContext.Current.CancellationToken);
        fixture.Put("a.txt", "2");
        cache.Updated += (_, _) => Assert.Fail("There is nothing to compare with.");
        cache.HandlerFailed += (_, failure) => throw failure.GetException();

        await AcquireAsync(cache);
    }

    [Fact]
    public async Task A_handler_that_throws_harms_neither_the_cache_nor_the_next_handler()
    {
        var cache = fixture.Open();
        var seen = new List<string>();
        var failures = new List<string>();
        cache.Evicted += (_, _) => throw new InvalidOperationException("first");
        cache.Evicted += (_, gone) => seen.Add(gone.CacheKey);
        cache.HandlerFailed += (_, _) => throw new InvalidOperationException("dropped");
        cache.HandlerFailed += (_, failure) => failures.Add(failure.GetException().Message);
        fixture.Put("a.txt", "1");
        var key = await AcquireAsync(cache);

        var result = await cache.EvictAsync(key, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(DatasetCache.Eviction.EvictionOutcome.Evicted, result.Outcome);
        Assert.Equal((key, "first"), (Assert.Single(seen), Assert.Single(failures)));
        Assert.NotNull(await AcquireAsync(cache));
    }

    private static async Task<string> AcquireAsync(LocalDatasetCache cache, bool refresh = true)
    {
        await using var lease = await cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "datasets/cats" }, Refresh = refresh });
        return lease.CacheKey;
    }
}
