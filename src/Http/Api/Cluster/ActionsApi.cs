using DatasetCache.Eviction;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Integrity;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>What an operator does: on the node that the path names, and where it names none on the one that is asked.</summary>
internal sealed class ActionsApi(IClusterView cluster, AcquisitionApi acquisitions)
{
    public Task PinAsync(HttpContext context) => OnNodeAsync(context, async (node, key) => await EndAsync(context, key, await node.PinAsync(key, context.RequestAborted)));

    public Task UnpinAsync(HttpContext context) => OnNodeAsync(context, async (node, key) => await EndAsync(context, key, await node.UnpinAsync(key, context.RequestAborted)));

    public Task SetPriorityAsync(HttpContext context) => OnNodeAsync(context, async (node, key) =>
    {
        var body = await NodeApi.ReadAsync(context, OperatorJson.Default.PriorityBody);
        var priority = NodeApi.OneOf("priority", body.Priority ?? "", ("low", EntryPriority.Low), ("normal", EntryPriority.Normal), ("high", EntryPriority.High));
        await EndAsync(context, key, await node.SetPriorityAsync(key, priority, context.RequestAborted));
    });

    public Task VerifyAsync(HttpContext context) => OnNodeAsync(context, async (node, key) =>
    {
        var body = context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? new VerifyBody() : await NodeApi.ReadAsync(context, OperatorJson.Default.VerifyBody);
        var level = NodeApi.OneOf("level", body.Level, ("pieces", VerifyLevel.Pieces), ("fast", VerifyLevel.Fast), ("full", VerifyLevel.Full));
        if (await node.VerifyAsync(key, level, body.Heal ?? true, body.Ticket, context.RequestAborted) is not { } work)
        {
            await DatasetsApi.NotFoundAsync(context, key, []);
            return;
        }
        context.Response.Headers.Location = PlaceOf(context, work.Ticket);
        await NodeApi.WriteAsync(context, StatusCodes.Status202Accepted, work, ApiJson.Default.WorkDocument);
    });

    public Task EvictAsync(HttpContext context) => OnNodeAsync(context, async (node, key) =>
    {
        if (await node.EvictAsync(key, Query.Flag(context, "dryRun"), context.RequestAborted) is { } result)
            await NodeApi.WriteAsync(context, StatusCodes.Status200OK, result, OperatorJson.Default.EvictedDocument);
        else
            await DatasetsApi.NotFoundAsync(context, key, []);
    });

    public async Task WarmAsync(HttpContext context)
    {
        if (await acquisitions.ReadAsync(context) is not var (request, wait))
            return;
        await OnNodeAsync(context, async (node, _) => await AnswerAsync(context, await node.WarmAsync(request with { IsPrefetch = true, Hold = null }, wait, context.RequestAborted), StatusCodes.Status202Accepted));
    }

    public Task FollowAsync(HttpContext context) => OnNodeAsync(context, async (node, _) =>
    {
        var ticket = NodeApi.Value(context, "ticket");
        if (await node.FollowAsync(ticket, AcquisitionApi.Seconds("wait", Query.Number(context, "wait", 0, 0, 5)), context.RequestAborted) is { } work)
            await AnswerAsync(context, work, StatusCodes.Status200OK);
        else
            await ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownTicket, "The node knows no such ticket (any more).", "Start it again.");
    });

    private Task OnNodeAsync(HttpContext context, Func<INodeActions, string, Task> act) => OnNodeAsync(context, cluster, act);

    /// <summary>Asks the node that the path names, and where it names none the one that is asked, about the dataset that it names; answers where there is no such node.</summary>
    public static async Task OnNodeAsync(HttpContext context, IClusterView cluster, Func<INodeActions, string, Task> act)
    {
        try
        {
            await act(cluster.ActionsOn(NodeOf(context) ?? cluster.Self), context.Request.RouteValues["key"] as string ?? "");
        }
        catch (NodeUnreachableException e)
        {
            await (e.IsUnknown
                ? ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownNode, e.Message, "GET /v1/nodes lists them.")
                : ApiProblem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, ApiProblem.NodeUnreachable, e.Message, "See whether it lives; ask again.", isTransient: true));
        }
    }

    private static Task AnswerAsync(HttpContext context, WorkDocument work, int running)
    {
        if (work.Error is { } error)
            return ApiProblem.WriteAsync(context, error);
        var isRunning = work.State is "running";
        if (isRunning)
            context.Response.Headers.Location = PlaceOf(context, work.Ticket);
        return NodeApi.WriteAsync(context, isRunning ? running : StatusCodes.Status200OK, work, ApiJson.Default.WorkDocument);
    }

    private static Task EndAsync(HttpContext context, string key, bool known)
    {
        if (!known)
            return DatasetsApi.NotFoundAsync(context, key, []);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static string? NodeOf(HttpContext context) => context.Request.RouteValues["node"] as string;

    // Where it can be followed.
    private static string PlaceOf(HttpContext context, string ticket) => NodeOf(context) is { } node ? $"/v1/nodes/{Uri.EscapeDataString(node)}/acquisitions/{ticket}" : "/v1/acquisitions/" + ticket;
}
