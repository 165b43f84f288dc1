using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Cluster;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api.Datasets;

/// <summary>This node's datasets.</summary>
internal sealed class DatasetsApi(INodeService node, IClusterView cluster)
{
    private const int DefaultPage = 100;
    private const int LargestPage = 1000;

    public Task ListAsync(HttpContext context)
    {
        var limit = Query.Number(context, "limit", DefaultPage, 1, LargestPage);
        var after = Query.Text(context, "after");
        // One more shows whether there are any.
        var page = node.List(after, limit + 1).Select(entry => EntryText.Of(node, entry)).ToDictionary(entry => entry.CacheKey, StringComparer.Ordinal);
        foreach (var cell in NodeCell.Downloading(node))
        {
            if (after is null || string.CompareOrdinal(cell.CacheKey, after) > 0)
                page.TryAdd(cell.CacheKey, EntryText.Of(cell));
        }
        var sorted = page.Values.OrderBy(entry => entry.CacheKey, StringComparer.Ordinal).Take(limit + 1).ToArray();
        return NodeApi.WriteAsync(context, StatusCodes.Status200OK,
            new EntryListDocument([.. sorted.Take(limit)], sorted.Length > limit ? sorted[limit - 1].CacheKey : null), OperatorJson.Default.EntryListDocument);
    }

    /// <summary>Of this node, or of the one that the path names.</summary>
    public Task GetAsync(HttpContext context) => ActionsApi.OnNodeAsync(context, cluster, async (asked, key) =>
    {
        var entry = await asked.InspectAsync(key, context.RequestAborted);
        var rows = await cluster.DatasetAsync(key, context.RequestAborted);
        if (entry is null)
        {
            await NotFoundAsync(context, key, [.. rows.SelectMany(row => row.Holders).Select(holder => holder.Node)]);
            return;
        }
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, entry with
        {
            Replicas = [.. rows.SelectMany(row => row.Holders.Where(holder => holder.State is "ready").Select(holder => new ReplicaDocument(holder.Node, row.Digest)))],
        }, OperatorJson.Default.EntryDocument);
    });

    public async Task HistoryAsync(HttpContext context)
    {
        var key = NodeApi.Value(context, "key");
        var events = await cluster.HistoryAsync(key, Query.Number(context, "limit", DefaultPage, 1, LargestPage), context.RequestAborted);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, new HistoryDocument(events), OperatorJson.Default.HistoryDocument);
    }

    /// <param name="elsewhere">The nodes that have it.</param>
    public static Task NotFoundAsync(HttpContext context, string key, IReadOnlyList<string> elsewhere) => ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.CodeOf(ErrorCode.NotFound),
        $"The node has no dataset {DatasetCache.Datasets.PrintableText.Quote(key)}.", elsewhere.Count == 0 ? "GET /v1/datasets lists this node's, GET /v1/cluster all." : $"It is on {string.Join(", ", elsewhere.Take(10))}.");
}
