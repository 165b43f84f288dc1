using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Api.OpenApi;
using DatasetCache.Http.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace DatasetCache.Http.Api;

/// <summary>What people who look after a cache see and do: this node's datasets, the cluster, and actions on any node of it.</summary>
internal static class OperatorApi
{
    private const string DryRun = "true: only say what would happen.";

    public static void MapOperatorApi(this IEndpointRouteBuilder routes, NodeParts parts, AcquisitionApi acquisitions)
    {
        var datasets = new DatasetsApi(parts.Service, parts.Cluster);
        routes.MapGet("/v1/datasets", datasets.ListAsync).Describe(new("listDatasets", "This node's datasets, in the order of their keys, those on their way included.")
        {
            Query = [("after", "The cache key before the first."), ("limit", "At most so many, 1 to 1000. Default: 100.")],
            Answer = OperatorJson.Default.EntryListDocument,
        });
        routes.MapGet("/v1/datasets/{key}", datasets.GetAsync).Describe(new("getDataset", "One dataset of this node, with the nodes that hold it.") { Answer = OperatorJson.Default.EntryDocument });
        routes.MapGet("/v1/nodes/{node}/datasets/{key}", datasets.GetAsync).Describe(new("getDatasetOn", "The same of another node.") { Answer = OperatorJson.Default.EntryDocument });
        routes.MapGet("/v1/datasets/{key}/history", datasets.HistoryAsync).Describe(new("getHistory", "What happened to it on any node, the newest first; also to one that is gone.")
        {
            Query = [("limit", "At most so many, 1 to 1000. Default: 100.")],
            Answer = OperatorJson.Default.HistoryDocument,
        });
        MapClearing(routes, new ClearingApi(parts.Service));
        MapCluster(routes, new ClusterApi(parts.Cluster), new StatisticsApi(parts.Service, parts.Cluster, parts.Api.Time));
        MapActions(routes, new ActionsApi(parts.Cluster, acquisitions));
        routes.MapOpenApiDocument();
    }

    private static void MapClearing(IEndpointRouteBuilder routes, ClearingApi clearing)
    {
        // As the platform's people know them, and under the version.
        foreach (var (place, by) in new[] { ("/v1/cache", ""), ("/cache", "Unversioned") })
        {
            routes.MapDelete(place + "/all", clearing.AllAsync).ForOperators(new("clearCache" + by, "Evicts all datasets of this node that nothing protects; the others are named with why they stay.")
            {
                Query = [("dryRun", DryRun)],
                Answer = OperatorJson.Default.ClearedDocument,
            });
            routes.MapDelete(place + "/{key}", clearing.OneAsync).ForOperators(new("clearDataset" + by, "The same with one dataset.") { Query = [("dryRun", DryRun)], Answer = OperatorJson.Default.ClearedDocument });
        }
    }

    private static void MapCluster(IEndpointRouteBuilder routes, ClusterApi cluster, StatisticsApi statistics)
    {
        routes.MapGet("/v1/cluster", cluster.GetAsync).Describe(new("getCluster", "Every node, and what each of them holds and fetches.")
        {
            Query = [("after", "The cache key before the first row."), ("limit", "Rows, 0 to 1000. Default: 100."), ("key", "The rows of one key alone.")],
            Answer = OperatorJson.Default.ClusterDocument,
        });
        routes.MapPost("/v1/recommendations", cluster.RecommendAsync).Describe(new("recommendHosts", "Which host has most of these datasets already, for whoever chooses one for a job.")
        {
            Body = OperatorJson.Default.RecommendBody,
            Answer = OperatorJson.Default.RecommendationsDocument,
        });
        routes.MapGet("/v1/statistics", statistics.GetAsync).Describe(new("getStatistics", "What this node's cache did, or all nodes' together, by day (UTC) and by key.")
        {
            Query = [("scope", "node or cluster. Default: node."), ("from", "The first day, as 2026-11-01. Default: 30 days back."), ("to", "The last day. Default: today."), ("top", "Keys to list, the most used first. Default: 5.")],
            Answer = OperatorJson.Default.StatisticsDocument,
        });
    }

    private static void MapActions(IEndpointRouteBuilder routes, ActionsApi actions)
    {
        const string here = "/v1/datasets/{key}", there = "/v1/nodes/{node}/datasets/{key}";
        routes.MapPut(here + "/pin", actions.PinAsync).ForOperators(Nothing("pin", "Keeps a dataset on this node until it is unpinned."));
        routes.MapDelete(here + "/pin", actions.UnpinAsync).ForOperators(Nothing("unpin", "Ends a dataset's pin and holds on this node."));
        routes.MapPut(here + "/priority", actions.SetPriorityAsync).ForOperators(Priority("setPriority", "Says when a dataset goes: low before all others, high after all others."));
        routes.MapPost(here + "/verify", actions.VerifyAsync).ForOperators(Verify("verify", "Starts to look for what is broken in a dataset, and to heal it."));
        routes.MapDelete(here, actions.EvictAsync).ForOperators(Evict("evict", "Evicts a dataset from this node, unless something protects it."));
        routes.MapPost("/v1/warm", actions.WarmAsync).ForOperators(Warm("warm", "Starts to get a dataset that nobody uses yet."));

        routes.MapMethods(there + "/pin", ["POST", "PUT"], actions.PinAsync).ForOperators(Nothing("pinOn", "Keeps a dataset on a node until it is unpinned."));
        routes.MapPost(there + "/unpin", actions.UnpinAsync).ForOperators(Nothing("unpinOn", "Ends a dataset's pin and holds on a node."));
        routes.MapDelete(there + "/pin", actions.UnpinAsync).ForOperators(Nothing("deletePinOn", "The same."));
        routes.MapMethods(there + "/priority", ["POST", "PUT"], actions.SetPriorityAsync).ForOperators(Priority("setPriorityOn", "Says when a dataset goes from a node."));
        routes.MapPost(there + "/verify", actions.VerifyAsync).ForOperators(Verify("verifyOn", "Starts to look for what is broken in a dataset on a node."));
        routes.MapDelete(there, actions.EvictAsync).ForOperators(Evict("evictFrom", "Evicts a dataset from a node, unless something protects it."));
        routes.MapPost(there + "/evict", actions.EvictAsync).ForOperators(Evict("postEvictFrom", "The same."));
        routes.MapPost("/v1/nodes/{node}/warm", actions.WarmAsync).ForOperators(Warm("warmOn", "Starts to get a dataset on a node, where nobody uses it yet."));
        routes.MapGet("/v1/nodes/{node}/acquisitions/{ticket}", actions.FollowAsync).Describe(new("followOn", "How far something is that was started on a node.") { Answer = ApiJson.Default.WorkDocument });
    }

    private static ApiOperation Nothing(string id, string summary) => new(id, summary) { Status = 204 };

    private static ApiOperation Priority(string id, string summary) => new(id, summary) { Status = 204, Body = OperatorJson.Default.PriorityBody };

    private static ApiOperation Verify(string id, string summary) => new(id, summary) { Status = 202, Body = OperatorJson.Default.VerifyBody, Answer = ApiJson.Default.WorkDocument };

    private static ApiOperation Evict(string id, string summary) => new(id, summary) { Query = [("dryRun", DryRun)], Answer = OperatorJson.Default.EvictedDocument };

    private static ApiOperation Warm(string id, string summary) => new(id, summary) { Body = ApiJson.Default.AcquireBody, Answer = ApiJson.Default.WorkDocument, MayBeStarted = true };
}
