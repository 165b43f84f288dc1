using System.Net;
using System.Text.Json;

namespace DatasetCache.Http.Tests.Api;

public sealed class ClusterRouteTests : IAsyncLifetime
{
    private ApiGround node = null!;

    public async ValueTask InitializeAsync() => node = await ApiGround.StartAsync();

    public ValueTask DisposeAsync() => node.DisposeAsync();

    [Fact]
    public async Task A_host_of_its_own_is_a_cluster_of_one()
    {
        node.Put("a", 2000);
        var key = await node.GetAsync("a");

        var cluster = await node.ReadAsync("/v1/cluster");
        var alone = await node.ReadAsync($"/v1/cluster?key={key}");
        var none = await node.ReadAsync("/v1/cluster?limit=0");

        var self = Assert.Single(cluster.GetProperty("nodes").EnumerateArray());
        Assert.Equal(("n1", "n1", true, 1, 2000), (cluster.GetProperty("self").GetString(), self.GetProperty("node").GetString(), self.GetProperty("isAlive").GetBoolean(), self.GetProperty("entries").GetInt32(), self.GetProperty("bytes").GetInt32()));
        Assert.True(self.GetProperty("quota").GetInt64() > 0);
        // Two thousand bytes came from the origin, so lately that it shows.
        Assert.InRange(self.GetProperty("rates").GetProperty("originBytes").GetInt64(), 1, 2000);
        var row = Assert.Single(cluster.GetProperty("datasets").EnumerateArray());
        Assert.Equal((key, 2000, "s-a"), (row.GetProperty("cacheKey").GetString(), row.GetProperty("bytes").GetInt32(), row.GetProperty("snapshotId").GetString()));
        var holder = Assert.Single(row.GetProperty("holders").EnumerateArray());
        Assert.Equal(("n1", "ready", 0), (holder.GetProperty("node").GetString(), holder.GetProperty("state").GetString(), holder.GetProperty("leases").GetInt32()));
        Assert.Equal(JsonValueKind.String, holder.GetProperty("expiresAt").ValueKind);
        Assert.Equal(row.ToString(), Assert.Single(alone.GetProperty("datasets").EnumerateArray()).ToString());
        Assert.Empty(none.GetProperty("datasets").EnumerateArray());
    }

    [Fact]
    public async Task Leases_of_others_are_counted()
    {
        node.Put("a");
        var done = await node.EndOfAsync((await node.SendAsync(HttpMethod.Post, "/v1/acquire", ApiGround.Body("a"))).Body);
        await node.EndOfAsync((await node.SendAsync(HttpMethod.Post, "/v1/acquire", ApiGround.Body("a"))).Body);

        var holder = (await node.ReadAsync("/v1/cluster")).GetProperty("datasets")[0].GetProperty("holders")[0];

        Assert.Equal(2, holder.GetProperty("leases").GetInt32());
        Assert.Equal(2, (await node.ReadAsync($"/v1/datasets/{done.GetProperty("dataset").GetProperty("cacheKey").GetString()}")).GetProperty("leases").GetInt32());
    }

    [Fact]
    public async Task Recommendations_say_what_of_each_dataset_is_here()
    {
        node.Put("a", 700);
        await node.GetAsync("a");

        var (status, answer) = await node.SendAsync(HttpMethod.Post, "/v1/recommendations", new { datasets = new[] { Dataset("b"), Dataset("a") } });

        var host = Assert.Single(answer.GetProperty("hosts").EnumerateArray());
        Assert.Equal((HttpStatusCode.OK, "n1", 700), (status, host.GetProperty("host").GetString(), host.GetProperty("bytes").GetInt32()));
        Assert.Equal([0, 700], host.GetProperty("perDataset").EnumerateArray().Select(bytes => bytes.GetInt32()));
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Post, "/v1/recommendations", new { datasets = Array.Empty<object>() })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Post, "/v1/recommendations", new { })).Status);

        static object Dataset(string name) => new { origin = "s3://b/" + name, snapshotId = "s-" + name, select = "all" };
    }

    [Fact]
    public async Task An_action_on_a_node_that_is_named_is_done_there_and_on_a_stranger_refused()
    {
        node.Put("a");
        var (status, work) = await node.SendAsync(HttpMethod.Post, "/v1/nodes/n1/warm", ApiGround.Body("a"));
        while (work.GetProperty("state").GetString() is "running")
            work = await node.ReadAsync($"/v1/nodes/n1/acquisitions/{work.GetProperty("ticket").GetString()}?wait=5");
        var key = work.GetProperty("dataset").GetProperty("cacheKey").GetString();
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.Accepted);

        Assert.Equal(HttpStatusCode.NoContent, (await node.SendAsync(HttpMethod.Post, $"/v1/nodes/n1/datasets/{key}/pin")).Status);
        Assert.Equal("protected", (await node.SendAsync(HttpMethod.Delete, $"/v1/nodes/n1/datasets/{key}")).Body.GetProperty("outcome").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await node.SendAsync(HttpMethod.Post, $"/v1/nodes/n1/datasets/{key}/unpin")).Status);
        Assert.Equal("evicted", (await node.SendAsync(HttpMethod.Delete, $"/v1/nodes/n1/datasets/{key}")).Body.GetProperty("outcome").GetString());
        var stranger = await node.SendAsync(HttpMethod.Post, $"/v1/nodes/n2/datasets/{key}/pin");
        Assert.Equal((HttpStatusCode.NotFound, "unknownNode"), (stranger.Status, stranger.Body.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_dataset_and_its_files_are_the_same_by_the_name_of_the_node_that_has_it()
    {
        foreach (var file in new[] { "1", "2", "3" })
            node.Origin.Put($"s3://b/a/{file}.bin", Testing.MemoryOrigin.Bytes(1, 100));
        var key = await node.GetAsync("a");
        var uses = await UsesAsync();

        foreach (var what in new[] { "", "/files", "/files?limit=2", "/files?limit=2&after=2.bin" })
            Assert.Equal((await node.ReadAsync($"/v1/datasets/{key}{what}")).ToString(), (await node.ReadAsync($"/v1/nodes/n1/datasets/{key}{what}")).ToString());
        // Who looks at what there is does not use it.
        Assert.Equal(uses, await UsesAsync());
        Assert.Equal("2.bin", (await node.ReadAsync($"/v1/nodes/n1/datasets/{key}/files?limit=2")).GetProperty("next").GetString());
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Get, $"/v1/nodes/n1/datasets/{key}/files?limit=0")).Status);
        foreach (var (path, code) in new[] { ($"/v1/nodes/n2/datasets/{key}", "unknownNode"), ($"/v1/nodes/n2/datasets/{key}/files", "unknownNode"), ("/v1/nodes/n1/datasets/none", "notFound"), ("/v1/nodes/n1/datasets/none/files", "notFound") })
            Assert.Equal((HttpStatusCode.NotFound, code), await node.SendAsync(HttpMethod.Get, path) is var (status, body) ? (status, body.GetProperty("code").GetString()) : default);

        async Task<long> UsesAsync() => (await node.ReadAsync($"/v1/datasets/{key}")).GetProperty("uses").GetInt64();
    }

    [Fact]
    public async Task Statistics_are_those_of_dscache_stats()
    {
        node.Put("a", 500);
        await node.GetAsync("a");
        await node.GetAsync("a");

        var read = await node.ReadAsync("/v1/statistics");

        var total = read.GetProperty("total");
        Assert.Equal((1, 1, 500, 500), (total.GetProperty("hits").GetInt32(), total.GetProperty("misses").GetInt32(), total.GetProperty("bytesFromOrigin").GetInt32(), total.GetProperty("bytesSaved").GetInt32()));
        Assert.Equal(total.ToString(), Assert.Single(read.GetProperty("days").EnumerateArray()).GetProperty("tally").ToString());
        Assert.Single(read.GetProperty("entries").EnumerateArray());
        // Alone it is the whole, too.
        Assert.Equal(read.ToString(), (await node.ReadAsync("/v1/statistics?scope=cluster")).ToString());
        Assert.Equal(("""["n1"]""", "[]"), (read.GetProperty("nodes").ToString(), read.GetProperty("silent").ToString()));
        Assert.Equal(HttpStatusCode.BadRequest, (await node.SendAsync(HttpMethod.Get, "/v1/statistics?scope=world")).Status);
        Assert.Empty((await node.ReadAsync("/v1/statistics?from=2020-01-01&to=2020-01-31")).GetProperty("days").EnumerateArray());
    }
}
