using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>The whole, as this node sees it.</summary>
internal sealed class ClusterApi(IClusterView cluster)
{
    private const int DefaultPage = 100;
    private const int LargestPage = 1000;
    private const int MostAsked = 100;

    public async Task GetAsync(HttpContext context)
    {
        var nodes = cluster.NodesAsync(context.RequestAborted);
        var (datasets, next) = await RowsAsync(context);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, new ClusterDocument(cluster.Self, await nodes, datasets, next), OperatorJson.Default.ClusterDocument);
    }

    private async Task<(IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next)> RowsAsync(HttpContext context)
    {
        if (Query.Text(context, "key") is { } key)
            return (await cluster.DatasetAsync(key, context.RequestAborted), null);
        var limit = Query.Number(context, "limit", DefaultPage, 0, LargestPage);
        return limit == 0 ? ([], null) : await cluster.DatasetsAsync(Query.Text(context, "after"), limit, context.RequestAborted);
    }

    public async Task RecommendAsync(HttpContext context)
    {
        var body = await NodeApi.ReadAsync(context, OperatorJson.Default.RecommendBody);
        if (body.Datasets is null || body.Datasets.Count is 0 or > MostAsked)
            throw new InvalidRequestException($"datasets has {body.Datasets?.Count ?? 0} of them; it must have 1 to {MostAsked}.");
        var hosts = await cluster.RecommendAsync([.. body.Datasets.Select(AcquisitionApi.DatasetOf)], context.RequestAborted);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, new RecommendationsDocument(hosts), OperatorJson.Default.RecommendationsDocument);
    }
}
