using System.Text.Json;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DatasetCache.Http.Api;

/// <summary>An acquisition as server-sent events: <c>progress</c> whenever it has got on, and at the end <c>done</c> or <c>failed</c>, each with the whole of it as JSON.</summary>
internal sealed class EventStream(INodeService node, ApiOptions options)
{
    // Proxies cut what says nothing for half a minute.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(10);

    public async Task SendAsync(HttpContext context)
    {
        var ticket = NodeApi.Value(context, "ticket");
        var work = await node.FollowAsync(ticket, TimeSpan.Zero, context.RequestAborted);
        if (work.State == NodeWorkState.Unknown)
        {
            await ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, ApiProblem.UnknownTicket, "This node knows no such ticket (any more).", "Acquire the dataset again.");
            return;
        }
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        (NodeWork Work, long At)? said = null;
        while (true)
        {
            if (said is not { } last || work != last.Work || options.Time.GetElapsedTime(last.At) >= LongestSilence)
            {
                await WriteAsync(context, work);
                said = (work, options.Time.GetTimestamp());
            }
            if (work.State != NodeWorkState.Running)
                return;
            work = await node.FollowAsync(ticket, options.ProgressEvery, context.RequestAborted);
            if (!context.IsStillAllowed())
            {
                await WriteAsync(context, NodeWorkState.Failed, AcquisitionApi.NoLonger(ticket));
                return;
            }
        }
    }

    private static Task WriteAsync(HttpContext context, NodeWork work)
    {
        var document = ApiText.Of(work);
        if (work.State == NodeWorkState.Unknown)
            document = document with { Error = new ErrorDocument(ApiProblem.UnknownTicket, "It was given up.", "Acquire the dataset again.", IsTransient: true) };
        return WriteAsync(context, work.State, document);
    }

    private static async Task WriteAsync(HttpContext context, NodeWorkState state, WorkDocument document)
    {
        var body = context.Response.BodyWriter;
        await body.WriteAsync(state switch { NodeWorkState.Running => "event: progress\ndata: "u8.ToArray(), NodeWorkState.Done => "event: done\ndata: "u8.ToArray(), _ => "event: failed\ndata: "u8.ToArray() }, context.RequestAborted);
        // One line: JSON that is not indented has no other line breaks.
        await body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(document, ApiJson.Default.WorkDocument), context.RequestAborted);
        await body.WriteAsync("\n\n"u8.ToArray(), context.RequestAborted);
    }
}
