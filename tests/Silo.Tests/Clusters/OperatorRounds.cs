using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace DatasetCache.Silo.Tests;

/// <summary>What an operator sees and does by way of one node of three, when all of them have d1.</summary>
internal static class OperatorRounds
{
    public static async Task WalkAsync(TestCluster cluster)
    {
        var (first, second, third) = (cluster.Nodes[0].Api, cluster.Nodes[1].Api, cluster.Nodes[2].Api);

        // The matrix: all three, with the leases of their jobs.
        var seen = await first.GetFromJsonAsync<JsonElement>("/v1/cluster");
        Assert.Equal(["n1", "n2", "n3"], seen.GetProperty("nodes").EnumerateArray().Where(node => node.GetProperty("isAlive").GetBoolean()).Select(node => node.GetProperty("node").GetString()));
        Assert.All(seen.GetProperty("nodes").EnumerateArray(), node => Assert.True(node.GetProperty("quota").GetInt64() > 0 && node.GetProperty("diskFree").GetInt64() > 0));
        var row = Assert.Single(seen.GetProperty("datasets").EnumerateArray());
        Assert.Equal(["n1 ready", "n2 ready", "n3 ready"], Holders(row).Select(holder => $"{holder.GetProperty("node").GetString()} {holder.GetProperty("state").GetString()}"));
        Assert.Equal(64, Holders(row).Sum(holder => holder.GetProperty("leases").GetInt32()));
        var key = row.GetProperty("cacheKey").GetString()!;

        // Actions on another node, and what forbids them there.
        Assert.Equal(HttpStatusCode.NoContent, (await first.PostAsync($"/v1/nodes/n2/datasets/{key}/pin", content: null)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await first.PutAsJsonAsync($"/v1/nodes/n2/datasets/{key}/priority", new { priority = "high" })).StatusCode);
        var pinned = Holders(Assert.Single((await third.GetFromJsonAsync<JsonElement>($"/v1/cluster?key={key}")).GetProperty("datasets").EnumerateArray()));
        Assert.Equal(["False normal", "True high", "False normal"], pinned.Select(holder => $"{holder.GetProperty("isPinned").GetBoolean()} {holder.GetProperty("priority").GetString()}"));
        var kept = await ReadAsync(await first.DeleteAsync($"/v1/nodes/n2/datasets/{key}"));
        Assert.Equal("protected", kept.GetProperty("outcome").GetString());
        Assert.Contains("pin", kept.GetProperty("protections").EnumerateArray().Select(why => why.GetProperty("kind").GetString()));
        var history = (await third.GetFromJsonAsync<JsonElement>($"/v1/datasets/{key}/history")).GetProperty("events").EnumerateArray().Select(e => $"{e.GetProperty("node").GetString()} {e.GetProperty("event").GetString()}").ToArray();
        Assert.Equal(["n2 priority", "n2 pinned"], history[..2]);
        Assert.Equal(["n1 downloaded", "n2 downloaded", "n3 downloaded"], history[2..].Order(StringComparer.Ordinal));
        var verified = await EndAsync(first, await ReadAsync(await first.PostAsJsonAsync($"/v1/nodes/n2/datasets/{key}/verify", new { level = "fast" })));
        Assert.Equal("sound", verified.GetProperty("verified").GetProperty("outcome").GetString());

        // What a node that does not have it says of a dataset is what one that has it says.
        await AssertToldTheSameAsync(second, third, key);

        // A dataset that one node alone is told to get, and which host is therefore the one for it.
        var small = new { datasetId = TestCluster.SmallDataset, snapshotId = "s-" + TestCluster.SmallDataset, select = "all" };
        await EndAsync(first, await ReadAsync(await first.PostAsJsonAsync("/v1/nodes/n2/warm", new { dataset = small })));
        var hosts = (await ReadAsync(await third.PostAsJsonAsync("/v1/recommendations", new { datasets = new[] { small } }))).GetProperty("hosts").EnumerateArray().ToArray();
        Assert.Equal([("n2", TestCluster.SmallBytes), ("n1", 0), ("n3", 0)], hosts.Select(host => (host.GetProperty("host").GetString()!, host.GetProperty("bytes").GetInt64())));
        Assert.Equal(HttpStatusCode.NotFound, (await second.PostAsync($"/v1/nodes/nowhere/datasets/{key}/pin", content: null)).StatusCode);
    }

    private static async Task AssertToldTheSameAsync(HttpClient holder, HttpClient other, string key)
    {
        foreach (var what in new[] { "", "/files?limit=30", "/files?limit=30&after=images/030.png" })
        {
            var own = await holder.GetFromJsonAsync<JsonElement>($"/v1/datasets/{key}{what}");
            var told = await other.GetFromJsonAsync<JsonElement>($"/v1/nodes/n2/datasets/{key}{what}");
            // What is under way there is the node's own affair.
            Assert.Equal(own.EnumerateObject().Where(property => property.Name != "work").Select(property => property.ToString()), told.EnumerateObject().Select(property => property.ToString()));
        }
        Assert.Equal(HttpStatusCode.NotFound, (await other.GetAsync("/v1/nodes/n2/datasets/none")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await other.GetAsync("/v1/nodes/nowhere/datasets/none/files")).StatusCode);
        var (one, all) = (await holder.GetFromJsonAsync<JsonElement>("/v1/statistics"), await other.GetFromJsonAsync<JsonElement>("/v1/statistics?scope=cluster"));
        Assert.Equal("""["n1","n2","n3"]""", all.GetProperty("nodes").ToString());
        Assert.Equal("[]", all.GetProperty("silent").ToString());
        // 64 jobs; one of each node downloaded for those who waited with it.
        Assert.Equal((61, 3, TestCluster.Bytes), (Total("hits"), Total("misses"), Total("bytesFromOrigin")));
        Assert.InRange(one.GetProperty("total").GetProperty("hits").GetInt64(), 1, 60);

        long Total(string name) => all.GetProperty("total").GetProperty(name).GetInt64();
    }

    private static JsonElement[] Holders(JsonElement row) => [.. row.GetProperty("holders").EnumerateArray()];

    private static async Task<JsonElement> EndAsync(HttpClient by, JsonElement work)
    {
        while (work.GetProperty("state").GetString() is "running")
            work = await by.GetFromJsonAsync<JsonElement>($"/v1/nodes/n2/acquisitions/{work.GetProperty("ticket").GetString()}?wait=1");
        Assert.Equal("done", work.GetProperty("state").GetString());
        return work;
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer)
    {
        using (answer)
        {
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode, text);
            return JsonElement.Parse(text);
        }
    }
}
