using DatasetCache.Cache.Tests.Eviction;
using DatasetCache.Datasets;
using DatasetCache.Eviction;

namespace DatasetCache.Cache.Tests;

/// <summary>The clock jumps by an hour, forth or back: nothing that protects is lost for it, and nothing lives for ever.</summary>
public sealed class ClockTests : IAsyncDisposable
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private readonly CacheFixture fixture = new();
    private readonly FakeTime time = new();

    public ClockTests() => fixture.Put("a.bin", new byte[10_000]);

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [FaultTheory(16)]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task Leases_job_links_and_pins_do_not_look_at_the_clock(int hours)
    {
        var fault = fixture.Case(16);
        var cache = fixture.Open(time: time);
        var lease = await cache.AcquireAsync(fixture.Request(snapshot: "leased"), cancellationToken: TestContext.Current.CancellationToken);
        string linked, pinned;
        await using (var held = await cache.AcquireAsync(fixture.Request(1, snapshot: "linked"), cancellationToken: TestContext.Current.CancellationToken))
            linked = held.CacheKey;
        await using (var held = await cache.AcquireAsync(fixture.Request(snapshot: "pinned"), cancellationToken: TestContext.Current.CancellationToken))
            Assert.True(cache.Pin(pinned = held.CacheKey));

        time.Advance(hours * Hour);
        fault.Fired();

        var other = fixture.Open(time: time);
        // One that nothing protects, for what is to go to have gone.
        await (await other.AcquireAsync(fixture.Request(snapshot: "free"), cancellationToken: TestContext.Current.CancellationToken)).DisposeAsync();
        Assert.Single((await other.PruneAsync(new PruneFilter { All = true }, cancellationToken: TestContext.Current.CancellationToken)).Evicted);
        foreach (var key in (string[])[lease.CacheKey, linked, pinned])
            fault.Kept((await other.EvictAsync(key, cancellationToken: TestContext.Current.CancellationToken)).Outcome == EvictionOutcome.Protected, key);
        fault.HandedOut(fixture.Job(1) + "/dataset", fixture.Contents("a.bin"));
        await lease.DisposeAsync();
        cache.Release(fixture.Job(1));
        cache.Unpin(pinned);
        // And none of them lives for ever.
        foreach (var key in (string[])[lease.CacheKey, linked, pinned])
            Assert.Equal(EvictionOutcome.Evicted, (await other.EvictAsync(key, cancellationToken: TestContext.Current.CancellationToken)).Outcome);
        await fixture.EndAsync(fault);
    }

    [Theory]
    [InlineData(1, 23)]
    [InlineData(-1, 25)]
    [Trait("Fault", "16")]
    public async Task A_hold_is_off_by_what_the_clock_jumped_and_no_more(int hours, int ends)
    {
        var cache = fixture.Open(time: time);
        string key;
        await using (var held = await cache.AcquireAsync(fixture.Request() with { Hold = TimeSpan.FromHours(24) }, cancellationToken: TestContext.Current.CancellationToken))
            key = held.CacheKey;

        time.Advance(hours * Hour);
        time.Advance((ends * Hour) - TimeSpan.FromMinutes(1));
        Assert.Equal(EvictionOutcome.Protected, (await cache.EvictAsync(key, cancellationToken: TestContext.Current.CancellationToken)).Outcome);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(EvictionOutcome.Evicted, (await cache.EvictAsync(key, cancellationToken: TestContext.Current.CancellationToken)).Outcome);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [Trait("Fault", "16")]
    public async Task An_entry_expires_later_or_sooner_by_what_the_clock_jumped_and_stays_until_space_is_needed(int hours)
    {
        var cache = fixture.Open(time: time);
        string key;
        await using (var held = await cache.AcquireAsync(fixture.Request(), cancellationToken: TestContext.Current.CancellationToken))
            key = held.CacheKey;
        var expires = cache.Explain(key)!.ExpiresAt;

        time.Advance(hours * Hour);
        Assert.Equal(expires, cache.Explain(key)!.ExpiresAt);
        Assert.Equal(AcquireOutcome.Hit, await OutcomeAsync(cache, fixture.Request()));
        // Used at a time that the clock has not reached again: it counts as used now, and not for ever.
        var later = cache.Explain(key)!.ExpiresAt;
        Assert.InRange(later - time.GetUtcNow(), TimeSpan.FromHours(24), TimeSpan.FromDays(30));
        time.Advance(later - time.GetUtcNow());
        Assert.True(cache.Explain(key)!.IsExpired);
        Assert.Single((await cache.PruneAsync(new PruneFilter { Expired = true }, cancellationToken: TestContext.Current.CancellationToken)).Evicted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [Trait("Fault", "16")]
    public async Task A_mutable_dataset_is_asked_again_after_a_jump_and_not_believed_for_ever(int hours)
    {
        var cache = fixture.Open(time: time);
        var request = new AcquireRequest { Dataset = new DatasetRef { Origin = "datasets/cats", Selection = new Selection { Mode = SelectionMode.All } } };
        Assert.Equal(AcquireOutcome.Miss, await OutcomeAsync(cache, request));
        fixture.Put("b.bin", new byte[10]);
        Assert.Equal(AcquireOutcome.Hit, await OutcomeAsync(cache, request));

        time.Advance(hours * Hour);

        Assert.Equal(AcquireOutcome.Miss, await OutcomeAsync(cache, request));
        var listings = fixture.Origin.Listings;
        Assert.Equal(AcquireOutcome.Hit, await OutcomeAsync(cache, request));
        Assert.Equal(listings, fixture.Origin.Listings);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [Trait("Fault", "16")]
    public async Task A_download_under_way_and_one_cut_short_survive_a_sweep_after_a_jump_and_the_latter_goes_in_the_end(int hours)
    {
        var cache = fixture.Open(time: time);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.Origin.BeforeRead = async (_, _, cancel) =>
        {
            entered.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancel);
        };
        using var stop = new CancellationTokenSource();
        var download = cache.AcquireAsync(fixture.Request(), cancellationToken: stop.Token);
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        var other = fixture.Open(time: time);

        time.Advance(hours * Hour);
        Assert.Equal(0, other.Sweep(TimeSpan.FromHours(24)));
        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(0, other.Sweep(TimeSpan.FromHours(24)));
        time.Advance(TimeSpan.FromDays(-2));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => download);
        Assert.Equal(0, other.Sweep(TimeSpan.FromHours(24)));
        Assert.NotEmpty(Directory.EnumerateDirectories(Path.Join(fixture.Root, "staging")));
        time.Advance(TimeSpan.FromHours(24) + Hour + TimeSpan.FromMinutes(1));
        Assert.Equal(1, other.Sweep(TimeSpan.FromHours(24)));
        fixture.AssertStagingIsClean();
    }

    private static async Task<AcquireOutcome> OutcomeAsync(LocalDatasetCache cache, AcquireRequest request)
    {
        await using var lease = await cache.AcquireAsync(request);
        return lease.Outcome;
    }
}
