using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests;

/// <summary>Datasets without a snapshot id: what their origin lists, asked no more often than the freshness TTL says.</summary>
public sealed class FreshnessTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();
    private readonly ManualTime time = new();

    public FreshnessTests()
    {
        fixture.Put("a.jpg", "a1");
        fixture.Put("b.jpg", "b1");
    }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private async Task<DatasetLease> Get(bool refresh = false, string? job = null, Func<CacheOptions, CacheOptions>? change = null)
    {
        await using var cache = fixture.Open(options => change?.Invoke(options with { Attempts = 1 }) ?? options with { Attempts = 1 }, time: time);
        var lease = await cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "datasets/cats" }, Refresh = refresh, JobId = job });
        await lease.DisposeAsync();
        return lease;
    }

    private static string A(DatasetLease lease) => File.ReadAllText(Path.Join(lease.Path, "a.jpg"));

    private void OriginIsDown() => fixture.Origin.BeforeList = (_, _) => throw new OriginException(OriginFailure.Network, "down");

    [Fact]
    public async Task The_origin_is_asked_once_per_ttl()
    {
        await Get();
        fixture.Put("a.jpg", "a2");
        time.Now += TimeSpan.FromMinutes(29);
        var fresh = await Get();
        Assert.Equal((AcquireOutcome.Hit, "a1", 1), (fresh.Outcome, A(fresh), fixture.Origin.Listings));
        time.Now += TimeSpan.FromMinutes(2);
        var updated = await Get();
        Assert.Equal((AcquireOutcome.Miss, "a2", 2), (updated.Outcome, A(updated), fixture.Origin.Listings));
        await Get();
        Assert.Equal(2, fixture.Origin.Listings);
    }

    [Fact]
    public async Task An_unchanged_dataset_is_fresh_again_once_it_was_asked_for()
    {
        await Get();
        time.Now += TimeSpan.FromHours(1);
        Assert.Equal(AcquireOutcome.Hit, (await Get()).Outcome);
        time.Now += TimeSpan.FromMinutes(20);
        Assert.Equal(AcquireOutcome.Hit, (await Get()).Outcome);
        Assert.Equal(2, fixture.Origin.Listings);
    }

    [Fact]
    public async Task Refresh_asks_at_once_fetches_what_changed_and_says_so()
    {
        await Get();
        fixture.Put("a.jpg", "a2");
        fixture.Put("c.jpg", "c1");
        fixture.Origin.Delete("datasets/cats/b.jpg");
        var updated = await Get(refresh: true);
        Assert.Equal(new VersionChanges(Added: 1, Changed: 1, Removed: 1), updated.Changes);
        Assert.Equal(4, updated.BytesFromOrigin);
        Assert.Equal("a2", A(updated));
        Assert.Null((await Get()).Changes);
    }

    [Fact]
    public async Task All_ranks_of_a_job_see_the_version_that_the_first_got()
    {
        var first = await Get(job: "91");
        fixture.Put("a.jpg", "a2");
        time.Now += TimeSpan.FromHours(1);
        Assert.Equal("a2", A(await Get(job: "92")));
        var second = await Get(job: "91");
        Assert.Equal((AcquireOutcome.Hit, first.CacheKey, "a1"), (second.Outcome, second.CacheKey, A(second)));
    }

    [Fact]
    public async Task Ranks_that_start_at_once_while_the_dataset_changes_see_one_version()
    {
        fixture.Origin.BeforeList = (number, _) =>
        {
            fixture.Put("a.jpg", $"a-{number}");
            return ValueTask.CompletedTask;
        };
        var leases = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Get(job: "91", change: options => options with { FreshnessTtl = TimeSpan.Zero }))));
        Assert.Single(leases.Select(lease => lease.CacheKey).Distinct());
    }

    [Fact]
    public async Task While_the_origin_is_down_the_last_version_serves_with_a_warning_up_to_an_age()
    {
        await Get();
        var checkedAt = time.Now;
        OriginIsDown();
        time.Now += TimeSpan.FromHours(23);
        var stale = await Get();
        Assert.Equal((AcquireOutcome.Hit, "a1", checkedAt), (stale.Outcome, A(stale), stale.StaleSince));
        time.Now += TimeSpan.FromHours(2);
        var error = await Assert.ThrowsAsync<OriginException>(() => Get());
        Assert.Equal(ErrorCode.OriginUnreachable, error.Code);
    }

    [Fact]
    public async Task An_origin_that_refuses_is_not_down()
    {
        await Get();
        time.Now += TimeSpan.FromHours(1);
        fixture.Origin.BeforeList = (_, _) => throw new OriginException(OriginFailure.AccessDenied, "no");
        await Assert.ThrowsAsync<OriginException>(() => Get());
    }

    [Fact]
    public async Task Offline_uses_what_is_there_whatever_its_age_or_says_what_is_missing_and_asks_nobody()
    {
        static CacheOptions Offline(CacheOptions options) => options with { Offline = true };
        await Assert.ThrowsAsync<OfflineException>(() => Get(change: Offline));
        Assert.Equal(0, fixture.Origin.Listings);
        await Get();
        time.Now += TimeSpan.FromDays(400);
        var lease = await Get(refresh: true, change: Offline);
        Assert.Equal((AcquireOutcome.Hit, 1), (lease.Outcome, fixture.Origin.Listings));
        await using var cache = fixture.Open(Offline);
        var error = await Assert.ThrowsAsync<OfflineException>(() => cache.AcquireAsync(fixture.Request()));
        Assert.Contains("snap_1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_that_went_back_does_not_make_a_version_fresh_for_ever()
    {
        await Get();
        fixture.Put("a.jpg", "a2");
        time.Now -= TimeSpan.FromDays(10);
        Assert.Equal("a2", A(await Get()));
    }

    [Fact]
    public async Task A_snapshot_is_never_asked_again()
    {
        await using (await fixture.Open(time: time).AcquireAsync(fixture.Request())) { }
        time.Now += TimeSpan.FromDays(400);
        await using var hit = await fixture.Open(time: time).AcquireAsync(fixture.Request() with { Refresh = true });
        Assert.Equal((AcquireOutcome.Hit, 1), (hit.Outcome, fixture.Origin.Listings));
    }

    [Fact]
    public async Task A_torn_record_of_a_version_is_asked_for_again()
    {
        await Get();
        foreach (var file in Directory.EnumerateFiles(Path.Join(fixture.Root, "versions")))
            File.WriteAllText(file, "{\"contentDi");
        Assert.Equal(AcquireOutcome.Hit, (await Get()).Outcome);
        Assert.Equal(2, fixture.Origin.Listings);
    }
}
