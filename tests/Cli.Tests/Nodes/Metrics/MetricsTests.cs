using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Integrity;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Metrics;

/// <summary>What a node says at /metrics of what it did.</summary>
public sealed class MetricsTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private readonly MemoryOrigin origin = new();
    private TestNode node = null!;
    private HttpClient client = null!;

    public async ValueTask InitializeAsync()
    {
        origin.Put("s3://bucket/secret-photos/a-secret.txt", "alpha");
        origin.Put("s3://bucket/secret-photos/b-secret.txt", "beta");
        node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin);
        client = node.Client();
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await node.DisposeAsync();
        folder.Dispose();
    }

    private static NodeAcquire Photos(string snapshot = "snap_secret") => new() { Dataset = new DatasetRef { Origin = "s3://bucket/secret-photos", SnapshotId = snapshot } };

    private async Task<NodeWork> GetAsync(NodeAcquire request)
    {
        var work = await node.Service.AcquireAsync(request, NodeService.LongestWait, CancellationToken.None);
        while (work.State == NodeWorkState.Running)
            work = await node.Service.FollowAsync(work.Ticket, NodeService.LongestWait, CancellationToken.None);
        return work;
    }

    [Fact]
    public async Task A_miss_and_a_hit_are_counted_by_the_names_that_the_platform_knows()
    {
        await GetAsync(Photos());
        await GetAsync(Photos());
        await GetAsync(Photos());

        var scrape = await Scrape.OfAsync(client);
        Assert.Equal((2, 1), (scrape["dataset_cache_hit_total"], scrape["dataset_cache_miss_total"]));
        Assert.Equal((1, 2), (scrape["dataset_download_duration_seconds_count"], scrape["dataset_download_files_total{source=\"origin\"}"]));
        Assert.Equal(1, scrape["dataset_download_duration_seconds_bucket{le=\"+Inf\"}"]);
        Assert.Equal((9, 18), (scrape["dataset_cache_bytes_total{source=\"origin\"}"], scrape["dataset_cache_bytes_total{source=\"local\"}"]));
        Assert.Equal((2, 1), (scrape["dataset_cache_acquire_duration_seconds_count{outcome=\"hit\"}"], scrape["dataset_cache_acquire_duration_seconds_count{outcome=\"miss\"}"]));
        Assert.Equal((1, 9), (scrape["dataset_cache_entries"], scrape["dataset_cache_dataset_bytes"]));
        Assert.Equal((8192, 3), (scrape["dataset_cache_size_bytes"], scrape["dataset_cache_leases"]));
        Assert.Equal((18, 2), (scrape["dataset_cache_saved_bytes_total"], scrape["dataset_cache_origin_requests_total{operation=\"read\"}"]));
        Assert.Equal(0, scrape["dataset_cache_downloads_under_way"]);
    }

    [Fact]
    public async Task An_eviction_is_counted_by_its_cause_and_what_it_freed()
    {
        var done = await GetAsync(Photos());
        node.Service.Release(done.Dataset!.Lease!.Id);
        await node.Service.EvictAsync(done.Dataset.CacheKey, dryRun: false, CancellationToken.None);

        var scrape = await Scrape.OfAsync(client);
        Assert.Equal((1, 0), (scrape["dataset_cache_eviction_total{cause=\"asked\"}"], scrape["dataset_cache_eviction_total{cause=\"space\"}"]));
        Assert.Equal((8192, 0, 0), (scrape["dataset_cache_evicted_bytes_total"], scrape["dataset_cache_size_bytes"], scrape["dataset_cache_entries"]));
        Assert.Equal((1, 1, 0), (scrape["dataset_cache_leases_granted_total"], scrape["dataset_cache_leases_ended_total{how=\"released\"}"], scrape["dataset_cache_leases"]));
    }

    [Fact]
    public async Task Callers_who_join_a_download_are_a_stampede_prevented()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        origin.BeforeRead = async (_, _, cancel) =>
        {
            reading.TrySetResult();
            await open.Task.WaitAsync(cancel);
        };
        var first = node.Cache.AcquireAsync(new AcquireRequest { Dataset = Photos().Dataset });
        await reading.Task;
        // On its way when the call returns: boarding does not wait.
        var second = node.Cache.AcquireAsync(new AcquireRequest { Dataset = Photos().Dataset });
        var during = await Scrape.OfAsync(client);
        open.SetResult();
        await (await first).DisposeAsync();
        await (await second).DisposeAsync();

        var scrape = await Scrape.OfAsync(client);
        Assert.Equal((2, 1), (during["dataset_cache_acquires_under_way"], during["dataset_cache_downloads_under_way"]));
        Assert.Equal((1, 1, 1), (scrape["dataset_cache_stampede_prevented_total"], scrape["dataset_cache_hit_total"], scrape["dataset_cache_miss_total"]));
        Assert.Equal(1, scrape["dataset_cache_acquire_duration_seconds_count{outcome=\"joined\"}"]);
        Assert.Equal(0, scrape["dataset_cache_bytes_total{source=\"local\"}"]);
    }

    [Fact]
    public async Task What_fails_is_counted_by_its_code()
    {
        var failed = await GetAsync(new NodeAcquire { Dataset = new DatasetRef { Origin = "s3://bucket/nothing-here", SnapshotId = "snap_1" } });

        var scrape = await Scrape.OfAsync(client);
        Assert.Equal(NodeWorkState.Failed, failed.State);
        Assert.Equal((1, 1), (scrape["dataset_cache_acquire_failures_total{code=\"notFound\"}"], scrape["dataset_download_failures_total{code=\"notFound\"}"]));
        Assert.Equal(0, scrape["dataset_cache_acquires_under_way"]);
    }

    [Fact]
    public async Task What_is_found_broken_and_healed_is_counted()
    {
        var done = await GetAsync(Photos());
        var file = Path.Combine(done.Dataset!.SnapshotPath, "a-secret.txt");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(file, "ALPHA");
        var verified = await node.Cache.VerifyAsync(done.Dataset.CacheKey, new VerifyOptions { Level = VerifyLevel.Full });

        var scrape = await Scrape.OfAsync(client);
        Assert.Equal(VerifyOutcome.Healed, verified!.Outcome);
        Assert.Equal((1, 1), (scrape["dataset_cache_integrity_faults_total{kind=\"wrongBytes\"}"], scrape["dataset_cache_healing_total{outcome=\"healed\"}"]));
        Assert.Equal(14, scrape["dataset_cache_bytes_total{source=\"origin\"}"]);
    }

    [Fact]
    public async Task No_label_names_a_dataset_a_file_or_a_path_and_each_value_is_of_a_few()
    {
        var done = await GetAsync(Photos());
        using var lost = await client.GetAsync("/v1/acquisitions/secret-ticket");
        using var nowhere = await client.GetAsync("/nothing/secret/here");

        var scrape = await Scrape.OfAsync(client);
        Assert.DoesNotContain("secret", scrape.Text);
        Assert.DoesNotContain(done.Dataset!.CacheKey, scrape.Text);
        Assert.DoesNotContain(folder.Path, scrape.Text);
        Assert.Contains(scrape.Series, series => series.StartsWith("http_server_request_duration_seconds_count{", StringComparison.Ordinal) && series.Contains("http_route=\"/v1/acquisitions/{ticket}\""));
        Assert.InRange(scrape.Series.Count(), 50, 500);
    }

    [Fact]
    public async Task Metrics_want_the_nodes_token()
    {
        using var stranger = new HttpClient { BaseAddress = node.Url };
        using var answer = await stranger.GetAsync("/metrics");
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Whoever_wants_OpenMetrics_gets_it()
    {
        await GetAsync(Photos());
        var scrape = await Scrape.OfAsync(client, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
        Assert.Equal("application/openmetrics-text", scrape.Type?.MediaType);
        Assert.EndsWith("\n# EOF\n", scrape.Text);
        Assert.Contains("# TYPE dataset_cache_miss counter\ndataset_cache_miss_total 1\n", scrape.Text);
        Assert.Equal("text/plain", (await Scrape.OfAsync(client)).Type?.MediaType);
    }
}
