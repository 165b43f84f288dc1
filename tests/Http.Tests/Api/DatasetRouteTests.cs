using System.Globalization;
using System.Net;
using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Api;

public sealed class DatasetRouteTests : IAsyncLifetime
{
    private ApiGround node = null!;

    public async ValueTask InitializeAsync() => node = await ApiGround.StartAsync();

    public ValueTask DisposeAsync() => node.DisposeAsync();

    private async Task<string[]> HistoryAsync(string key)
        => [.. (await node.ReadAsync($"/v1/datasets/{key}/history")).GetProperty("events").EnumerateArray().Select(happened => happened.GetProperty("event").GetString()!)];

    /// <summary>A dataset whose only file has other bytes than it came with.</summary>
    private async Task<(string Key, string File)> BreakAsync()
    {
        node.Put("a", 3000);
        var key = await node.GetAsync("a");
        var file = Path.Join(node.Cache.Inspect(key)!.Path, "a.bin");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllBytesAsync(file, MemoryOrigin.Bytes(99, 3000), TestContext.Current.CancellationToken);
        return (key, file);
    }

    [Fact]
    public async Task Datasets_come_page_by_page_with_what_ls_says_of_them()
    {
        foreach (var name in new[] { "a", "b", "c" })
        {
            node.Put(name);
            await node.GetAsync(name);
        }

        var first = await node.ReadAsync("/v1/datasets?limit=2");
        var rest = await node.ReadAsync($"/v1/datasets?limit=2&after={first.GetProperty("next").GetString()}");

        var all = first.GetProperty("datasets").EnumerateArray().Concat(rest.GetProperty("datasets").EnumerateArray()).ToArray();
        Assert.Equal(["s-a", "s-b", "s-c"], all.Select(dataset => dataset.GetProperty("snapshotId").GetString()));
        Assert.Equal(JsonValueKind.Null, rest.GetProperty("next").ValueKind);
        Assert.All(all, dataset => Assert.Equal(("ready", 1, 1000, "normal"), (dataset.GetProperty("state").GetString(), dataset.GetProperty("files").GetInt32(), dataset.GetProperty("bytes").GetInt32(), dataset.GetProperty("priority").GetString())));
    }

    [Fact]
    public async Task A_dataset_is_said_with_its_replicas_and_what_protects_it()
    {
        node.Put("a");
        var key = await node.GetAsync("a");
        Assert.Equal(HttpStatusCode.NoContent, (await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{key}/pin")).Status);

        var dataset = await node.ReadAsync($"/v1/datasets/{key}");

        var replica = Assert.Single(dataset.GetProperty("replicas").EnumerateArray());
        Assert.Equal(("n1", dataset.GetProperty("manifestDigest").GetString()), (replica.GetProperty("node").GetString(), replica.GetProperty("digest").GetString()));
        Assert.Equal("pin", Assert.Single(dataset.GetProperty("protections").EnumerateArray()).GetProperty("kind").GetString());
        Assert.True(dataset.GetProperty("isPinned").GetBoolean());
    }

    [Fact]
    public async Task What_is_on_its_way_is_shown_with_how_far_it_is_and_under_the_key_that_it_is_going_to_have()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Put("a");
        node.Origin.BeforeRead = async (_, _, cancel) =>
        {
            reached.TrySetResult();
            await open.Task.WaitAsync(cancel);
        };
        var (status, work) = await node.SendAsync(HttpMethod.Post, "/v1/warm", ApiGround.Body("a"));
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        var listed = Assert.Single((await node.ReadAsync("/v1/datasets")).GetProperty("datasets").EnumerateArray());
        var key = listed.GetProperty("cacheKey").GetString()!;
        var cluster = await node.ReadAsync("/v1/cluster");
        open.SetResult();
        var done = await node.EndOfAsync(work);

        Assert.Equal((HttpStatusCode.Accepted, "downloading", 1000), (status, listed.GetProperty("state").GetString(), listed.GetProperty("bytes").GetInt32()));
        var holder = Assert.Single(Assert.Single(cluster.GetProperty("datasets").EnumerateArray()).GetProperty("holders").EnumerateArray());
        Assert.Equal(("n1", "downloading"), (holder.GetProperty("node").GetString(), holder.GetProperty("state").GetString()));
        var working = Assert.Single(Assert.Single(cluster.GetProperty("nodes").EnumerateArray()).GetProperty("working").EnumerateArray());
        Assert.Equal((key, "downloading"), (working.GetProperty("cacheKey").GetString(), working.GetProperty("phase").GetString()));
        Assert.Equal(key, done.GetProperty("dataset").GetProperty("cacheKey").GetString());
        Assert.Equal(JsonValueKind.Null, done.GetProperty("dataset").GetProperty("lease").ValueKind);
        Assert.Equal(["prefetched"], await HistoryAsync(key));
    }

    [Fact]
    public async Task A_dataset_s_history_outlives_it()
    {
        node.Put("a", 1234);
        var key = await node.GetAsync("a");
        await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{key}/pin");
        await node.SendAsync(HttpMethod.Delete, $"/v1/datasets/{key}/pin");
        await node.SendAsync(HttpMethod.Delete, $"/v1/datasets/{key}");

        Assert.Equal(["evicted", "unpinned", "pinned", "downloaded"], await HistoryAsync(key));
        var events = (await node.ReadAsync($"/v1/datasets/{key}/history")).GetProperty("events").EnumerateArray().ToArray();
        Assert.Contains("1234 bytes from the origin", events[^1].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("somebody asked", events[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await node.SendAsync(HttpMethod.Get, $"/v1/datasets/{key}")).Status);
    }

    [Fact]
    public async Task A_broken_dataset_is_found_and_healed_by_who_asks_for_it()
    {
        var (key, file) = await BreakAsync();

        var (status, work) = await node.SendAsync(HttpMethod.Post, $"/v1/datasets/{key}/verify", new { level = "full", heal = true });
        var verified = (await node.EndOfAsync(work)).GetProperty("verified");
        var again = (await node.EndOfAsync((await node.SendAsync(HttpMethod.Post, $"/v1/datasets/{key}/verify")).Body)).GetProperty("verified");

        Assert.Equal((HttpStatusCode.Accepted, "healed", "sound"), (status, verified.GetProperty("outcome").GetString(), again.GetProperty("outcome").GetString()));
        Assert.Equal(node.Origin.Content("s3://b/a/a.bin"), await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal(["verified", "healed", "downloaded"], await HistoryAsync(key));
    }

    [Fact]
    public async Task Clearing_evicts_what_nothing_protects_and_says_why_the_rest_stays()
    {
        var keys = new List<string>();
        foreach (var name in new[] { "free", "pinned", "leased" })
        {
            node.Put(name, 50_000);
            keys.Add(await node.GetAsync(name));
        }
        node.Cache.Pin(keys[1]);
        await using var lease = await node.Cache.AcquireAsync(ApiGround.Request("leased"), progress: null, TestContext.Current.CancellationToken);

        var dry = (await node.SendAsync(HttpMethod.Delete, "/cache/all?dryRun=true")).Body;
        var cleared = (await node.SendAsync(HttpMethod.Delete, "/cache/all")).Body;
        var one = (await node.SendAsync(HttpMethod.Delete, $"/v1/cache/{keys[1]}")).Body;

        Assert.Equal(dry.ToString(), cleared.ToString());
        Assert.Equal([keys[0]], cleared.GetProperty("evicted").EnumerateArray().Select(gone => gone.GetProperty("cacheKey").GetString()));
        Assert.InRange(cleared.GetProperty("freedBytes").GetInt64(), 50_000, 100_000);
        var kept = cleared.GetProperty("kept").EnumerateArray().ToDictionary(stays => stays.GetProperty("cacheKey").GetString()!, stays => stays.GetProperty("protections")[0].GetProperty("kind").GetString());
        Assert.Equal(("pin", "lease"), (kept[keys[1]], kept[keys[2]]));
        Assert.Equal(keys[1], one.GetProperty("kept")[0].GetProperty("cacheKey").GetString());
        Assert.Equal(2, node.Cache.List().Count);
    }

    [Theory]
    [InlineData("DELETE", "/v1/datasets/{0}")]
    [InlineData("DELETE", "/v1/cache/{0}")]
    [InlineData("DELETE", "/cache/{0}")]
    [InlineData("DELETE", "/v1/nodes/n1/datasets/{0}")]
    [InlineData("POST", "/v1/nodes/n1/datasets/{0}/evict")]
    public async Task A_dry_run_says_what_would_go_and_evicts_nothing(string method, string path)
    {
        node.Put("a");
        var key = await node.GetAsync("a");
        var (status, said) = await node.SendAsync(new HttpMethod(method), string.Format(CultureInfo.InvariantCulture, path, key) + "?dryRun=true");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("\"evicted\"", said.ToString(), StringComparison.Ordinal);
        Assert.Equal([key], node.Cache.List().Select(entry => entry.CacheKey));
        await node.SendAsync(new HttpMethod(method), string.Format(CultureInfo.InvariantCulture, path, key));
        Assert.Empty(node.Cache.List());
    }

    [Fact]
    public async Task Who_asks_only_to_look_has_nothing_healed()
    {
        var (key, _) = await BreakAsync();
        var before = node.Origin.BytesServed;

        var work = (await node.SendAsync(HttpMethod.Post, $"/v1/datasets/{key}/verify", new { level = "full", heal = false })).Body;
        var verified = (await node.EndOfAsync(work)).GetProperty("verified");

        Assert.NotEqual("healed", verified.GetProperty("outcome").GetString());
        Assert.Equal(before, node.Origin.BytesServed);
    }

    [Fact]
    public async Task Warming_holds_nothing()
    {
        node.Put("a");
        var asked = new { dataset = new { origin = "s3://b/a", snapshotId = "s-a", select = "all" }, hold = 3600 };
        var done = await node.EndOfAsync((await node.SendAsync(HttpMethod.Post, "/v1/warm", asked)).Body);
        Assert.Empty((await node.ReadAsync($"/v1/datasets/{done.GetProperty("dataset").GetProperty("cacheKey").GetString()}")).GetProperty("protections").EnumerateArray());
    }

    [Fact]
    public async Task A_priority_changes_who_goes_first()
    {
        node.Put("older");
        node.Put("newer");
        var (older, newer) = (await node.GetAsync("older"), await node.GetAsync("newer"));
        // Another process on the same root hears of it too.
        using var other = LocalDatasetCache.Open(new CacheOptions { Root = node.Cache.Room.Path, MinFree = DiskFloor.OfBytes(0) }, node.Origin);
        Assert.Equal((1, 2), (other.Explain(older)!.Rank, other.Explain(newer)!.Rank));

        Assert.Equal(HttpStatusCode.NoContent, (await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{older}/priority", new { priority = "high" })).Status);
        Assert.Equal((2, 1), (other.Explain(older)!.Rank, other.Explain(newer)!.Rank));
        await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{older}/priority", new { priority = "normal" });
        Assert.Equal((1, 2), (node.Cache.Explain(older)!.Rank, node.Cache.Explain(newer)!.Rank));
        await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{newer}/priority", new { priority = "low" });
        Assert.Equal((2, 1), (other.Explain(older)!.Rank, other.Explain(newer)!.Rank));
        Assert.Equal("low", (await node.ReadAsync($"/v1/datasets/{newer}")).GetProperty("priority").GetString());
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{newer}/priority", new { priority = "highest" })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Put, $"/v1/datasets/{newer}/priority", new { })).Status);
    }

    [Theory]
    [InlineData("GET", "/v1/datasets/none", null)]
    [InlineData("PUT", "/v1/datasets/none/pin", null)]
    [InlineData("DELETE", "/v1/datasets/none/pin", null)]
    [InlineData("PUT", "/v1/datasets/none/priority", """{"priority":"low"}""")]
    [InlineData("POST", "/v1/datasets/none/verify", null)]
    [InlineData("DELETE", "/v1/datasets/none", null)]
    [InlineData("DELETE", "/v1/cache/none", null)]
    [InlineData("POST", "/v1/nodes/n1/datasets/none/pin", null)]
    public async Task What_is_not_there_is_not_found(string method, string path, string? body)
    {
        var (status, problem) = await node.SendAsync(new HttpMethod(method), path, body is null ? null : JsonElement.Parse(body));

        Assert.Equal((HttpStatusCode.NotFound, "notFound"), (status, problem.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("GET", "/v1/datasets?limit=some")]
    [InlineData("DELETE", "/cache/all?dryRun=perhaps")]
    [InlineData("GET", "/v1/statistics?from=yesterday")]
    [InlineData("GET", "/v1/statistics?from=2026-02-01&to=2026-01-01")]
    [InlineData("GET", "/v1/datasets/.hidden")]
    public async Task What_makes_no_sense_is_refused_and_does_nothing(string method, string path)
    {
        var (status, problem) = await node.SendAsync(new HttpMethod(method), path);

        Assert.Equal((HttpStatusCode.BadRequest, "invalidArgument"), (status, problem.GetProperty("code").GetString()));
    }
}
