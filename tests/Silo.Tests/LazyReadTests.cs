using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>Datasets that are read piece by piece on a real cluster.</summary>
[Collection(Machine.Name)]
public sealed class LazyReadTests
{
    private const int Piece = TestCluster.Piece;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_range_is_read_from_the_node_that_has_it_and_what_nobody_has_from_the_origin_once()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await cluster.Nodes[0].AcquireAsync("d1");
        var whole = cluster.Origin.Served.Total;
        var url = await OpenAsync(cluster.Nodes[1], "d1");
        await CheckAsync(cluster.Nodes[1], url, "d1", (5 * Piece) - 10, 20);
        Assert.Equal(whole, cluster.Origin.Served.Total);

        var urls = await Task.WhenAll(cluster.Nodes.Select(node => OpenAsync(node, "d2")));
        await Task.WhenAll(cluster.Nodes.SelectMany((node, i) => new[] { 3, 3, 7 }.Select(piece => CheckAsync(node, urls[i], "d2", piece * Piece, (2 * Piece) - 1))));
        Assert.True(cluster.Origin.Served.Repeated == 0, cluster.Origin.Served + cluster.Said);
        Assert.Equal(4 * Piece, cluster.Origin.Served.Total - whole);
    }

    private static async Task<string> OpenAsync(TestNode node, string dataset)
    {
        using var answer = await node.Api.PostAsJsonAsync("/v1/open", new { dataset = new { datasetId = dataset, snapshotId = $"s-{dataset}", select = "all" } }, Cancel);
        var opened = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, opened + node.Silo.Said);
        return $"/v1/datasets/{opened.GetProperty("cacheKey").GetString()}/files/large.bin";
    }

    private static async Task CheckAsync(TestNode node, string url, string dataset, int from, int count)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new RangeHeaderValue(from, from + count - 1) } };
        using var answer = await node.Api.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        var expected = new byte[count];
        RangeServer.Fill($"datasets/{dataset}/large.bin", from, expected);
        Assert.Equal(expected, await answer.Content.ReadAsByteArrayAsync(Cancel));
    }
}
