using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>
/// S3 as far as a reader needs it, from memory: lists, ranges, If-Match, any credentials. Keeps every GET; <c>/_bench/reads?prefix=</c> gives them, <c>/_bench/writes?prefix=</c> when
/// something of them was sent.
/// </summary>
internal sealed class CountingOrigin(Pace pace)
{
    private const int PageSize = 1000;
    /// <summary>The path of its BitTorrent tracker.</summary>
    public const string Tracker = "_bench/announce";

    private const int SendBuffer = 256 * 1024;
    private const string Changed = "Thu, 01 Jan 2026 00:00:00 GMT";
    private readonly MadeContent content = new();
    private readonly Tracker tracker = new();
    private readonly ConcurrentQueue<OriginRead> reads = new();
    private readonly ConcurrentQueue<(string Key, long At)> writes = new();
    private int lists;

    /// <summary>Serves until standard input ends.</summary>
    public static async Task RunAsync(string address, int port, Pace pace)
    {
        var origin = new CountingOrigin(pace);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Parse(address), port);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinResponseDataRate = null;
        });
        // Little between what is counted and the link: the kernel would else take several MiB at once, and what it took were "sent".
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endpoint =>
        {
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.SendBufferSize = SendBuffer;
            return socket;
        });
        await using var app = builder.Build();
        app.Run(origin.HandleAsync);
        await app.StartAsync();
        Console.WriteLine("ready");
        await Console.In.ReadToEndAsync();
        using var now = new CancellationTokenSource(0);
        await app.StopAsync(now.Token);
    }

    private async Task HandleAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!.TrimStart('/').Split('/', 2);
        context.Response.Headers["x-amz-request-id"] = context.TraceIdentifier;
        var prefix = context.Request.Query["prefix"].ToString();
        if (path is ["_bench", "reads"])
            await context.Response.WriteAsync(string.Join('\n', reads.Where(read => read.Key.StartsWith(prefix, StringComparison.Ordinal))));
        else if (path is ["_bench", "writes"])
            await context.Response.WriteAsync(string.Join('\n', writes.Where(write => write.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(write => write.At)));
        else if (path is ["_bench", "lists"])
            await context.Response.WriteAsync(Volatile.Read(ref lists).ToString(CultureInfo.InvariantCulture));
        else if (path is ["_bench", "announce"])
            await tracker.AnswerAsync(context);
        else if (path is ["_bench", "announced"])
            await context.Response.WriteAsync(tracker.Announced.ToString(CultureInfo.InvariantCulture));
        else if (path.Length < 2 || path[1].Length == 0)
            await ListAsync(context, path[0]);
        else
            await GetAsync(context, path[1]);
    }

    private async Task ListAsync(HttpContext context, string bucket)
    {
        Interlocked.Increment(ref lists);
        var query = context.Request.Query;
        var dataset = MadeDataset.Parse(query["prefix"].ToString());
        _ = int.TryParse(query["continuation-token"].ToString(), CultureInfo.InvariantCulture, out var first);
        var last = Math.Min(dataset?.Files ?? 0, first + PageSize);
        var isCut = last < (dataset?.Files ?? 0);
        var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")
            .Append(CultureInfo.InvariantCulture, $"<Name>{bucket}</Name><IsTruncated>{(isCut ? "true" : "false")}</IsTruncated>");
        if (query["encoding-type"].ToString() is "url")
            xml.Append("<EncodingType>url</EncodingType>");
        if (isCut)
            xml.Append(CultureInfo.InvariantCulture, $"<NextContinuationToken>{last}</NextContinuationToken>");
        for (var file = first; file < last; file++)
        {
            // Nothing in these keys needs an escape.
            xml.Append(CultureInfo.InvariantCulture, $"<Contents><Key>{dataset!.Key(file)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{ETag(dataset.Key(file))}&quot;</ETag><Size>{dataset.FileSize}</Size></Contents>");
        }
        await AnswerAsync(context, 200, xml.Append("</ListBucketResult>").ToString());
    }

    private async Task GetAsync(HttpContext context, string key)
    {
        var size = MadeDataset.SizeOf(key);
        var etag = $"\"{ETag(key)}\"";
        if (size < 0)
        {
            await AnswerAsync(context, 404, "<Error><Code>NoSuchKey</Code></Error>");
            return;
        }
        if (context.Request.Headers.IfMatch is { Count: > 0 } wanted && wanted != etag)
        {
            await AnswerAsync(context, 412, "<Error><Code>PreconditionFailed</Code></Error>");
            return;
        }
        var (from, to) = (0L, size);
        if (context.Request.GetTypedHeaders().Range?.Ranges.SingleOrDefault() is { } range)
        {
            (from, to) = (range.From ?? 0, Math.Min((range.To ?? long.MaxValue - 1) + 1, size));
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{to - 1}/{size}");
        }
        context.Response.Headers.ETag = etag;
        context.Response.Headers.LastModified = Changed;
        context.Response.Headers.AcceptRanges = "bytes";
        context.Response.ContentLength = to - from;
        if (context.Request.Method is "HEAD")
            return;
        var (started, sent) = (Stopwatch.GetTimestamp(), 0L);
        try
        {
            await pace.BeginAsync(context.RequestAborted);
            var began = Stopwatch.GetTimestamp();
            while (from + sent < to)
            {
                var next = content.At(key, from + sent, to - from - sent);
                await context.Response.Body.WriteAsync(next, context.RequestAborted);
                sent += next.Length;
                writes.Enqueue((key, Stopwatch.GetTimestamp()));
                await pace.KeepAsync(sent, began, context.RequestAborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            context.Abort();
        }
        finally
        {
            reads.Enqueue(new OriginRead(context.Connection.RemoteIpAddress!.MapToIPv4().ToString(), key, from, to - from, sent, started, Stopwatch.GetTimestamp()));
        }
    }

    private static async Task AnswerAsync(HttpContext context, int status, string xml)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync(xml);
    }

    private static string ETag(string key) => MadeContent.Shift(key).ToString("x8", CultureInfo.InvariantCulture);
}
