using DatasetCache.Hosting.Node;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api.Datasets;

/// <summary>Evicts on demand what nothing protects, and says why the rest stays.</summary>
internal sealed class ClearingApi(INodeService node)
{
    public async Task AllAsync(HttpContext context)
    {
        var dryRun = Query.Flag(context, "dryRun");
        var results = new List<EvictedDocument>();
        foreach (var entry in node.List())
        {
            // Null: it went by itself in the meantime.
            if (EntryText.Of(await node.EvictAsync(entry.CacheKey, dryRun, context.RequestAborted)) is { } result)
                results.Add(result);
        }
        await AnswerAsync(context, results);
    }

    public async Task OneAsync(HttpContext context)
    {
        var key = NodeApi.Value(context, "key");
        if (EntryText.Of(await node.EvictAsync(key, Query.Flag(context, "dryRun"), context.RequestAborted)) is { } result)
            await AnswerAsync(context, [result]);
        else
            await DatasetsApi.NotFoundAsync(context, key, []);
    }

    private static Task AnswerAsync(HttpContext context, IReadOnlyList<EvictedDocument> results)
    {
        var gone = results.ToLookup(result => result.Outcome is "evicted");
        return NodeApi.WriteAsync(context, StatusCodes.Status200OK, new ClearedDocument([.. gone[true]], [.. gone[false]], gone[true].Sum(result => result.FreedBytes)), OperatorJson.Default.ClearedDocument);
    }
}
