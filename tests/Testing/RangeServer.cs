using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Testing;

/// <summary>
/// An S3-like server whose objects are made up while they are read: any number, any size, the same bytes every time. It lists in pages, knows
/// ranges and If-Match, and believes every signature.
/// </summary>
public sealed class RangeServer : IAsyncDisposable
{
    private const int PageSize = 1000;

    private readonly SortedList<string, long> objects;
    private LoopbackServer? server;

    private RangeServer(IEnumerable<(string Key, long Size)> objects) =>
        this.objects = new SortedList<string, long>(objects.ToDictionary(o => o.Key, o => o.Size, StringComparer.Ordinal), StringComparer.Ordinal);

    public string Endpoint => server!.Endpoint;

    /// <summary>Starts a server that has these objects in every bucket.</summary>
    public static async Task<RangeServer> StartAsync(IEnumerable<(string Key, long Size)> objects)
    {
        var made = new RangeServer(objects);
        made.server = await LoopbackServer.StartAsync(made.HandleAsync);
        return made;
    }

    /// <summary>The bytes of an object from <paramref name="offset"/> on.</summary>
    public static void Fill(string key, long offset, Span<byte> into)
    {
        var seed = Seed(key);
        while (!into.IsEmpty && offset % 8 != 0)
        {
            into[0] = (byte)(Word(seed, offset / 8) >> (int)(offset % 8 * 8));
            into = into[1..];
            offset++;
        }
        var words = MemoryMarshal.Cast<byte, ulong>(into);
        var index = offset / 8;
        foreach (ref var word in words)
            word = Word(seed, index++);
        var rest = into[(words.Length * 8)..];
        for (var i = 0; i < rest.Length; i++)
            rest[i] = (byte)(Word(seed, index) >> (i * 8));
    }

    public static string ETag(string key, long size) => (Seed(key) ^ (ulong)size).ToString("x16", CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var path = context.Request.Path.Value!.TrimStart('/').Split('/', 2);
        context.Response.Headers["x-amz-request-id"] = context.TraceIdentifier;
        if (path.Length < 2 || path[1].Length == 0)
            await ListAsync(context, path[0], cancellationToken);
        else if (objects.TryGetValue(path[1], out var size))
            await GetAsync(context, path[1], size, cancellationToken);
        else
            await AnswerAsync(context, 404, "<Error><Code>NoSuchKey</Code></Error>", cancellationToken);
    }

    private async Task ListAsync(HttpContext context, string bucket, CancellationToken cancellationToken)
    {
        var query = context.Request.Query;
        var prefix = query["prefix"].ToString();
        var after = query["continuation-token"].ToString();
        var isEncoded = query["encoding-type"] == "url";
        var page = objects.Keys.SkipWhile(key => after.Length > 0 && string.CompareOrdinal(key, after) <= 0)
            .Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Take(PageSize + 1).ToArray();
        var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")
            .Append(CultureInfo.InvariantCulture, $"<Name>{bucket}</Name><IsTruncated>{(page.Length > PageSize ? "true" : "false")}</IsTruncated>");
        if (isEncoded)
            xml.Append("<EncodingType>url</EncodingType>");
        if (page.Length > PageSize)
            xml.Append(CultureInfo.InvariantCulture, $"<NextContinuationToken>{WebUtility.HtmlEncode(page[PageSize - 1])}</NextContinuationToken>");
        foreach (var key in page.Take(PageSize))
        {
            xml.Append(CultureInfo.InvariantCulture, $"<Contents><Key>{(isEncoded ? Uri.EscapeDataString(key) : WebUtility.HtmlEncode(key))}</Key>")
                .Append(CultureInfo.InvariantCulture, $"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{ETag(key, objects[key])}&quot;</ETag><Size>{objects[key]}</Size></Contents>");
        }
        await AnswerAsync(context, 200, xml.Append("</ListBucketResult>").ToString(), cancellationToken);
    }

    private static async Task GetAsync(HttpContext context, string key, long size, CancellationToken cancellationToken)
    {
        var etag = $"\"{ETag(key, size)}\"";
        if (context.Request.Headers.IfMatch is { Count: > 0 } wanted && wanted != etag)
        {
            await AnswerAsync(context, 412, "<Error><Code>PreconditionFailed</Code></Error>", cancellationToken);
            return;
        }
        var (from, to) = (0L, size - 1);
        if (context.Request.GetTypedHeaders().Range?.Ranges.SingleOrDefault() is { } range)
        {
            (from, to) = (range.From ?? 0, Math.Min(range.To ?? long.MaxValue, size - 1));
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{to}/{size}");
        }
        context.Response.Headers.ETag = etag;
        context.Response.ContentLength = to - from + 1;
        if (context.Request.Method == "HEAD")
            return;
        var buffer = new byte[256 * 1024];
        for (var at = from; at <= to;)
        {
            var length = (int)Math.Min(buffer.Length, to - at + 1);
            Fill(key, at, buffer.AsSpan(0, length));
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
            at += length;
        }
    }

    private static async Task AnswerAsync(HttpContext context, int status, string xml, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync(xml, cancellationToken);
    }

    private static ulong Seed(string key)
    {
        // FNV-1a: the same in every process, which string's own hash is not.
        var hash = 14695981039346656037UL;
        foreach (var c in key)
            hash = (hash ^ c) * 1099511628211UL;
        return hash;
    }

    // SplitMix64.
    private static ulong Word(ulong seed, long index)
    {
        var z = seed + ((ulong)index * 0x9E3779B97F4A7C15UL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
