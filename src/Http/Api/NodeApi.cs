using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.OpenApi;
using DatasetCache.Http.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace DatasetCache.Http.Api;

/// <summary>A node's local HTTP API: what the command line and jobs in any language need.</summary>
internal static class NodeApi
{
    private const int LargestBody = 256 * 1024;

    public static void MapNodeApi(this IEndpointRouteBuilder routes, NodeParts parts)
    {
        var (node, options) = (parts.Service, parts.Api);
        var acquisitions = new AcquisitionApi(node, options);
        routes.MapPost("/v1/acquire", acquisitions.AcquireAsync).Describe(new("acquire", "Gets a dataset and a lease on it, or a ticket to follow.")
        {
            Body = ApiJson.Default.AcquireBody,
            Answer = ApiJson.Default.WorkDocument,
            MayBeStarted = true,
        });
        routes.MapGet("/v1/acquisitions/{ticket}", acquisitions.FollowAsync).Describe(new("follow", "How far it is, or what came of it. With 'Accept: application/x-ndjson' a line whenever it has got on.")
        {
            Query = [("wait", "Seconds to wait for it to be over, 0 to 20.")],
            Answer = ApiJson.Default.WorkDocument,
        });
        routes.MapGet("/v1/acquisitions/{ticket}/events", new EventStream(node, options).SendAsync).Describe(new("followEvents", "The same as server-sent events: progress, and at the end done or failed.")
        {
            AnswerType = "text/event-stream",
        });
        routes.MapDelete("/v1/acquisitions/{ticket}", context => EndAsync(context, node.Abandon(Value(context, "ticket")), ApiProblem.UnknownTicket)).Describe(new("abandon", "Gives it up; others who wait for the same go on.") { Status = 204 });
        routes.MapPost("/v1/leases/{id}/renew", context => RenewAsync(context, node)).Describe(new("renewLease", "Prolongs a lease.") { Answer = ApiJson.Default.LeaseDocument });
        routes.MapDelete("/v1/leases/{id}", context => EndAsync(context, node.Release(Value(context, "id")), ApiProblem.UnknownLease)).Describe(new("releaseLease", "Lets go of a dataset.") { Status = 204 });
        routes.MapPost("/v1/links", context => RegisterAsync(context, node)).Describe(new("registerLink", "Has a job's link, which the caller has made, protect its dataset.")
        {
            Body = ApiJson.Default.LinkBody,
            Answer = ApiJson.Default.LinkAnswer,
        });
        routes.MapDelete("/v1/links", context => ForgetAsync(context, node)).Describe(new("forgetLink", "Forgets a job's link, which the caller has removed.") { Query = [("link", "Its absolute path.")], Status = 204 });
        routes.MapGet("/v1/status", context => WriteAsync(context, StatusCodes.Status200OK, ApiText.Of(node.Status()), ApiJson.Default.StatusDocument)).Describe(new("getStatus", "The node that is asked, and what it is doing.") { Answer = ApiJson.Default.StatusDocument });
        if (options.Caps is { } caps)
        {
            var limits = new LimitsApi(caps);
            routes.MapGet("/v1/limits", limits.GetAsync).Describe(new("getLimits", "What the node's transfers with others may take.") { Answer = ApiJson.Default.LimitsDocument });
            routes.MapPut("/v1/limits", limits.PutAsync).ForOperators(new("setLimits", "Changes that at once, until the node ends.") { Body = ApiJson.Default.LimitsBody, Answer = ApiJson.Default.LimitsDocument });
        }
        routes.MapGet("/v1/nodes", async context => await WriteAsync(context, StatusCodes.Status200OK, new NodesDocument(await parts.Cluster.NodesAsync(context.RequestAborted)), OperatorJson.Default.NodesDocument))
            .Describe(new("getNodes", "Every node of the cluster.") { Answer = OperatorJson.Default.NodesDocument });
        routes.MapOperatorApi(parts, acquisitions);
    }

    internal static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;

    /// <summary>With its length: the command line's reader knows no chunks.</summary>
    internal static async Task WriteAsync<T>(HttpContext context, int status, T document, JsonTypeInfo<T> type, string contentType = "application/json")
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    /// <exception cref="InvalidRequestException">The body is not of the form that is read.</exception>
    internal static async ValueTask<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = LargestBody;
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.BodyReader, type, context.RequestAborted) ?? throw new InvalidRequestException("The body of the request is null.");
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException)
        {
            throw new InvalidRequestException($"The body of the request is not what {context.Request.Path} takes: {e.Message}", "The README's chapter on the HTTP API shows one.");
        }
    }

    internal static T OneOf<T>(string field, string? value, params ReadOnlySpan<(string Name, T Value)> allowed)
    {
        foreach (var (name, meant) in allowed)
        {
            if (value is null || string.Equals(name, value, StringComparison.Ordinal))
                return meant;
        }
        throw new InvalidRequestException($"{field} is '{value}', which is not among what it may be.");
    }

    private static Task EndAsync(HttpContext context, bool known, string code)
    {
        if (!known)
            return ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, code, "This node knows nothing of that name (any more).", advice: null);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task RenewAsync(HttpContext context, INodeService node)
        => node.Renew(Value(context, "id")) is { } lease
            ? WriteAsync(context, StatusCodes.Status200OK, ApiText.Of(lease), ApiJson.Default.LeaseDocument)
            : ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownLease, "The lease ran out, or never was.", "Acquire the dataset again: it is a hit where it is still there.");

    private static async Task RegisterAsync(HttpContext context, INodeService node)
    {
        var body = await ReadAsync(context, ApiJson.Default.LinkBody);
        RefuseRelative(body.Link);
        var mode = OneOf("mode", body.Mode, ("symlink", LinkMode.Symlink), ("tree", LinkMode.Tree), ("copy", LinkMode.Copy));
        switch (node.RegisterLink(new NodeLink(body.Link, mode, body.Lease, body.JobId)))
        {
            case NodeLinkOutcome.NoLease:
                await ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownLease, "The lease ran out, or never was.", "Acquire the dataset again, and register the link then.");
                break;
            case var outcome:
                await WriteAsync(context, StatusCodes.Status200OK, new LinkAnswer(outcome == NodeLinkOutcome.Registered ? "registered" : "notSeen"), ApiJson.Default.LinkAnswer);
                break;
        }
    }

    private static Task ForgetAsync(HttpContext context, INodeService node)
    {
        var link = context.Request.Query["link"].ToString();
        RefuseRelative(link);
        return EndAsync(context, node.ForgetLink(link), "unknownLink");
    }

    private static void RefuseRelative(string link)
    {
        if (!Path.IsPathFullyQualified(link))
            throw new InvalidRequestException($"link is {PrintableText.Quote(link)}: it must be an absolute path.");
    }
}
