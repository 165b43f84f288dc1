using System.Net;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Health;

/// <summary>What a node says of how it is.</summary>
public sealed class HealthTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly MemoryOrigin origin = new();

    public HealthTests() => origin.Put("s3://bucket/photos/a.txt", "alpha");

    public void Dispose() => folder.Dispose();

    private Task<TestNode> StartAsync(DiskFloor? minFree = null, IOriginFactory? origins = null) => TestNode.StartAsync(folder["cache"], "/origin", origins: origins ?? origin, minFree: minFree);

    private static async Task<(HttpStatusCode Status, string Text)> GetAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    // The count of what is on disk runs beside the start.
    private static async Task<(HttpStatusCode Status, string Text)> StartedAsync(HttpClient client)
    {
        (HttpStatusCode Status, string Text) answer;
        while ((answer = await GetAsync(client, "/health/startup")).Status != HttpStatusCode.OK)
            await Task.Delay(100);
        return answer;
    }

    [Fact(Timeout = 60_000)]
    public async Task Health_counts_by_the_names_that_the_platforms_people_know()
    {
        await using var node = await StartAsync();
        using var client = node.Client();
        for (var i = 0; i < 3; i++)
            await (await node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_1" } })).DisposeAsync();
        await Assert.ThrowsAsync<DatasetNotFoundException>(() => node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/none", SnapshotId = "snap_1" } }));
        await StartedAsync(client);

        var (status, text) = await GetAsync(client, "/health");
        var health = JsonDocument.Parse(text).RootElement;
        long Of(string name) => health.GetProperty(name).GetInt64();
        Assert.Equal((HttpStatusCode.OK, "healthy", "test-node"), (status, health.GetProperty("status").GetString(), health.GetProperty("node").GetString()));
        Assert.Equal((0, 2, 1, 0), (Of("l1_hits"), Of("l2_hits"), Of("l3_hits"), Of("peer_hits")));
        Assert.Equal((4, 1, 0, 0), (Of("total_requests"), Of("failed_requests"), Of("evictions"), Of("stampede_prevented")));
        Assert.Equal((0, 0.6667), (health.GetProperty("l1_hit_rate").GetDouble(), health.GetProperty("l2_hit_rate").GetDouble()));
        Assert.Equal((0, 256 << 20, 4096, 1), (Of("l1_size_bytes"), Of("l1_limit_bytes"), Of("l2_size_bytes"), Of("entries")));
        Assert.True(Of("l2_limit_bytes") > 0 && Of("disk_free_bytes") > 0);
        Assert.True(health.GetProperty("features").GetProperty("memory_tier").GetBoolean());
        Assert.Empty(health.GetProperty("problems").EnumerateObject());
    }

    [Fact(Timeout = 60_000)]
    public async Task Probes_need_no_credential_and_say_one_word_while_health_itself_needs_one()
    {
        await using var node = await StartAsync();
        using var stranger = new HttpClient { BaseAddress = node.Url };

        Assert.Equal((HttpStatusCode.OK, "Healthy"), await StartedAsync(stranger));
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(stranger, "/health/live"));
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(stranger, "/health/ready"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(stranger, "/health")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(stranger, "/health/live/")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(stranger, "/health/other")).Status);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_disk_below_its_floor_is_not_ready_and_alive()
    {
        await using var node = await StartAsync(DiskFloor.OfBytes(long.MaxValue / 2));
        using var client = node.Client();
        await StartedAsync(client);
        // Its first look may have come before the count.
        while ((await GetAsync(client, "/health")).Text.Contains("not been looked at"))
            await Task.Delay(100);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), await GetAsync(client, "/health/ready"));
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(client, "/health/live"));
        var (status, text) = await GetAsync(client, "/health");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("must stay free (cache.minFree)", JsonDocument.Parse(text).RootElement.GetProperty("problems").GetProperty("disk_floor").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task A_root_that_takes_no_byte_is_not_ready_and_alive()
    {
        await using var node = await StartAsync();
        // Root may write wherever a mode forbids it: a directory in the way is refused to everybody.
        folder.CreateDirectory("cache/.health");
        using var client = node.Client();
        await StartedAsync(client);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), await GetAsync(client, "/health/ready"));
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(client, "/health/live"));
        Assert.Contains("cannot be written", (await GetAsync(client, "/health")).Text);
    }

    [Fact(Timeout = 60_000)]
    public async Task An_origin_that_is_down_makes_no_node_unready()
    {
        origin.BeforeRead = (_, _, _) => throw new OriginException(OriginFailure.Network, "down");
        await using var node = await StartAsync();
        using var client = node.Client();
        var work = await node.Service.AcquireAsync(new NodeAcquire { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_1" } }, TimeSpan.Zero, CancellationToken.None);
        await StartedAsync(client);

        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(client, "/health/ready"));
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await GetAsync(client, "/health/live"));
        node.Service.Abandon(work.Ticket);
    }
}
