using System.Globalization;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api;

/// <summary>Acquiring by ticket: started by one request, followed by others, so that none waits as long as a download takes.</summary>
internal sealed class AcquisitionApi(INodeService node, ApiOptions options)
{
    private const string Lines = "application/x-ndjson";

    public async Task AcquireAsync(HttpContext context)
    {
        if (await ReadAsync(context) is not var (request, wait))
            return;
        // A lease ends with the job. What lasts longer, or is for nobody yet, is pinning and warming by another name.
        if ((request.IsPrefetch || request.Hold is not null) && !await context.AllowOperatorAsync(request.IsPrefetch ? "prefetch" : "hold"))
            return;
        var work = await node.AcquireAsync(request, wait, context.RequestAborted);
        if (work.State == NodeWorkState.Running)
            context.Response.Headers.Location = "/v1/acquisitions/" + work.Ticket;
        await AnswerAsync(context, work, running: StatusCodes.Status202Accepted);
    }

    /// <summary>What the body asks for, and how long to wait for it. Null where it was answered that it is refused.</summary>
    public async Task<(NodeAcquire Request, TimeSpan Wait)?> ReadAsync(HttpContext context)
    {
        var body = await NodeApi.ReadAsync(context, ApiJson.Default.AcquireBody);
        if (body.Endpoint is { } endpoint && !SameEndpoint(endpoint, options.OriginEndpoint))
        {
            throw new ConfigurationException("origin.endpoint", $"The caller is set to read from {endpoint}, and this node reads from {options.OriginEndpoint ?? "AWS"}.",
                "Give both the same origin.endpoint, or give the command another --root, which no node owns.");
        }
        if (ServedFolders.IsForeign(body.Dataset.Origin, options.Folders))
        {
            await ApiProblem.WriteAsync(context, StatusCodes.Status403Forbidden, ApiProblem.ForeignFolder, $"This node reads no datasets from the folder {PrintableText.Quote(body.Dataset.Origin!)} for others.",
                "Use the command line without the node (dscache reads folders itself), or set the node's origin.url to the folder.");
            return null;
        }
        return (new NodeAcquire
        {
            Dataset = DatasetOf(body.Dataset),
            Ticket = body.Ticket,
            AllowMissing = body.AllowMissing,
            Refresh = body.Refresh,
            IsPrefetch = body.Prefetch,
            Hold = body.Hold is { } hold ? Seconds("hold", hold) : null,
            JobId = body.JobId,
        }, Seconds("wait", body.Wait));
    }

    public async Task FollowAsync(HttpContext context)
    {
        var ticket = NodeApi.Value(context, "ticket");
        if (context.Request.Headers.Accept.ToString().Contains(Lines, StringComparison.OrdinalIgnoreCase))
        {
            await StreamAsync(context, ticket);
            return;
        }
        var text = context.Request.Query["wait"].ToString();
        if (!double.TryParse(text.Length == 0 ? "0" : text, CultureInfo.InvariantCulture, out var seconds))
            throw new InvalidRequestException("wait is not a number of seconds.");
        var wait = Seconds("wait", seconds);
        await AnswerAsync(context, await node.FollowAsync(ticket, wait < options.LongestWait ? wait : options.LongestWait, context.RequestAborted), running: StatusCodes.Status200OK);
    }

    private static Task AnswerAsync(HttpContext context, NodeWork work, int running) => work.State switch
    {
        NodeWorkState.Unknown => ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownTicket, "This node knows no such ticket (any more).", "Acquire the dataset again."),
        NodeWorkState.Failed => ApiProblem.WriteAsync(context, work.Failure!),
        _ => NodeApi.WriteAsync(context, work.State == NodeWorkState.Running ? running : StatusCodes.Status200OK, ApiText.Of(work), ApiJson.Default.WorkDocument),
    };

    // One line when something is over or a moment has passed; the last one says what came of it.
    private async Task StreamAsync(HttpContext context, string ticket)
    {
        var work = await node.FollowAsync(ticket, TimeSpan.Zero, context.RequestAborted);
        if (work.State == NodeWorkState.Unknown)
        {
            await AnswerAsync(context, work, running: 0);
            return;
        }
        context.Response.ContentType = Lines;
        while (true)
        {
            await WriteLineAsync(context, ApiText.Of(work));
            if (work.State != NodeWorkState.Running)
                return;
            work = await node.FollowAsync(ticket, options.ProgressEvery, context.RequestAborted);
            if (!context.IsStillAllowed())
            {
                await WriteLineAsync(context, NoLonger(ticket));
                return;
            }
        }
    }

    private static async Task WriteLineAsync(HttpContext context, WorkDocument work)
    {
        await JsonSerializer.SerializeAsync(context.Response.BodyWriter, work, ApiJson.Default.WorkDocument, context.RequestAborted);
        await context.Response.BodyWriter.WriteAsync("\n"u8.ToArray(), context.RequestAborted);
    }

    /// <summary>The last that is said to a follower whose token is gone.</summary>
    public static WorkDocument NoLonger(string ticket) => new(ticket, "failed", Progress: null, Dataset: null,
        new ErrorDocument(ApiProblem.Unauthorized, "The token that this was followed with is no longer known, or its session has ended. What was begun goes on.", "Follow it with another token.", IsTransient: false));

    public static DatasetRef DatasetOf(DatasetBody body) => new()
    {
        Origin = body.Origin,
        SnapshotId = body.SnapshotId,
        DatasetId = body.DatasetId,
        VersionHash = body.VersionHash,
        Selection = new Selection
        {
            Mode = NodeApi.OneOf("dataset.select", body.Select, ("auto", SelectionMode.Auto), ("annotated", SelectionMode.Annotated), ("all", SelectionMode.All)),
            Include = body.Include ?? [],
            Exclude = body.Exclude ?? [],
        },
    };

    public static TimeSpan Seconds(string field, double seconds) => seconds is >= 0 and <= 1e9
        ? TimeSpan.FromSeconds(seconds)
        : throw new InvalidRequestException(string.Create(CultureInfo.InvariantCulture, $"{field} is {seconds}: it must be a number of seconds, 0 or more."));

    private static bool SameEndpoint(string one, string? other) => string.Equals(one.TrimEnd('/'), other?.TrimEnd('/'), StringComparison.OrdinalIgnoreCase);
}
