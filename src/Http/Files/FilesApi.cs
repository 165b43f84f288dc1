using System.Globalization;
using System.Text.Json.Serialization;
using DatasetCache.Datasets;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Api.OpenApi;
using DatasetCache.Http.Serving;
using DatasetCache.Reading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace DatasetCache.Http.Files;

/// <summary>The files of datasets, one at a time, for who has no directory of them.</summary>
internal sealed partial class FilesApi(NodeParts parts, ILogger log)
{
    /// <summary>No such dataset here, or no such file in it.</summary>
    public const string NotHere = "notFound";

    private const int DefaultPage = 1000;
    private const int LargestPage = 10_000;
    private readonly AcquisitionApi acquisitions = new(parts.Service, parts.Api);
    private readonly FileFaults faults = new(parts.Service, TimeProvider.System);

    public static void Map(IEndpointRouteBuilder routes, NodeParts parts)
    {
        var files = new FilesApi(parts, routes.ServiceProvider.GetRequiredService<ILoggerFactory>().CreateLogger<FilesApi>());
        // What is in memory was checked, and stays right; it only takes room that others can use.
        parts.Cache.Totals.Memory = () => parts.Hot.Counts is var counts ? (counts.Used, counts.Limit) : default;
        parts.Cache.ReadingLost = parts.Hot.Drop;
        parts.Cache.Evicted += (_, gone) => parts.Hot.Drop(gone.CacheKey);
        parts.Cache.Invalidated += (_, broken) => parts.Hot.Drop(broken.CacheKey);
        routes.MapPost("/v1/open", files.OpenAsync).Describe(new("open", "Makes a dataset readable file by file without getting it: what is read is fetched then.")
        {
            Body = ApiJson.Default.AcquireBody,
            Answer = FilesJson.Default.OpenDocument,
        });
        routes.MapGet("/v1/datasets/{key}/files", files.ListAsync).Describe(new("listFiles", "The files of a dataset that is here or was opened, in the order of their paths.")
        {
            Query = [("after", "The path before the first."), ("limit", "At most so many, 1 to 10000. Default: 1000.")],
            Answer = FilesJson.Default.FilesDocument,
        });
        routes.MapGet("/v1/nodes/{node}/datasets/{key}/files", files.ListOnAsync).Describe(new("listFilesOn", "The files of a dataset that a node holds; of another node than the one that is asked at most 200 at a time.")
        {
            Query = [("after", "The path before the first."), ("limit", "At most so many, 1 to 10000. Default: 1000.")],
            Answer = FilesJson.Default.FilesDocument,
        });
        routes.MapMethods("/v1/datasets/{key}/files/{**path}", [HttpMethods.Get, HttpMethods.Head], files.GetAsync)
            .Describe(new("readFile", "A file, or a range of it; the path as it is listed, percent-encoded. Conditions by ETag and date as in RFC 9110.") { AnswerType = "application/octet-stream" });
    }

    /// <summary>Makes a dataset readable without getting it.</summary>
    public async Task OpenAsync(HttpContext context)
    {
        if (await acquisitions.ReadAsync(context) is not var (wanted, _))
            return;
        var opened = await parts.Cache.OpenAsync(
            new AcquireRequest { Dataset = wanted.Dataset, AllowMissing = wanted.AllowMissing, Refresh = wanted.Refresh, JobId = wanted.JobId }, context.RequestAborted);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, new OpenDocument(opened.CacheKey, opened.Files, opened.Bytes), FilesJson.Default.OpenDocument);
    }

    public async Task ListAsync(HttpContext context)
    {
        using var reading = await ReadAsync(context, isUse: false);
        if (reading is null)
            return;
        var limit = LimitOf(context);
        // One more shows whether there are any.
        var files = reading.After(Query.Text(context, "after"), limit + 1);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, FilesDocument.Of(files.Take(limit), files.Length > limit), FilesJson.Default.FilesDocument);
    }

    /// <summary>The same of an entry of the node that the path names.</summary>
    public Task ListOnAsync(HttpContext context) => ActionsApi.OnNodeAsync(context, parts.Cluster, async (node, key) =>
    {
        if (await node.FilesAsync(key, Query.Text(context, "after"), LimitOf(context), context.RequestAborted) is { } files)
            await NodeApi.WriteAsync(context, StatusCodes.Status200OK, files, FilesJson.Default.FilesDocument);
        else
            await DatasetsApi.NotFoundAsync(context, key, []);
    });

    private static int LimitOf(HttpContext context)
    {
        var limit = DefaultPage;
        if (context.Request.Query["limit"].ToString() is { Length: > 0 } text
            && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > LargestPage))
        {
            throw new InvalidRequestException($"limit is {PrintableText.Quote(text)}: it must be a number from 1 to {LargestPage}.");
        }
        return limit;
    }

    public async Task GetAsync(HttpContext context)
    {
        using var reading = await ReadAsync(context);
        if (reading is null)
            return;
        var number = Find(reading, NodeApi.Value(context, "path"));
        if (number < 0)
        {
            await ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, NotHere, $"{reading.CacheKey} has no such file.", $"GET /v1/datasets/{reading.CacheKey}/files lists them.");
            return;
        }
        var file = reading.File(number);
        var head = WriteHead(context, file, reading.Since);
        switch (head.Status)
        {
            case StatusCodes.Status304NotModified:
                break;
            case StatusCodes.Status412PreconditionFailed:
                await ApiProblem.WriteAsync(context, head.Status, "preconditionFailed", $"{PrintableText.Quote(file.Path)} is not the version that the request is about.", advice: null);
                break;
            case StatusCodes.Status416RangeNotSatisfiable:
                await ApiProblem.WriteAsync(context, head.Status, "rangeNotSatisfiable", $"{PrintableText.Quote(file.Path)} has {file.Size} bytes; the range begins behind them.", advice: null);
                break;
            default:
                await AnswerAsync(context, reading, number, head);
                break;
        }
    }

    private async Task AnswerAsync(HttpContext context, DatasetReading reading, int number, FileHead head)
    {
        var response = context.Response;
        if (HttpMethods.IsHead(context.Request.Method) || head.Count == 0)
        {
            response.ContentLength = head.Count;
            return;
        }
        if (await FromMemoryAsync(context, reading, number, head))
            return;
        using var content = await reading.OpenAsync(number, context.RequestAborted);
        if (content is null)
        {
            await RefuseAsync(context, reading);
            return;
        }
        Begin(response, head);
        try
        {
            if (await FileBody.SendAsync(context, content, head.From, head.Count))
            {
                content.Count(parts.Cache.Reads, head.Count);
                return;
            }
            faults.Found(reading.CacheKey);
        }
        catch (DatasetCacheException) when (!response.HasStarted)
        {
            // What the head said was of the file.
            response.Headers.Clear();
            throw;
        }
        catch (DatasetCacheException e)
        {
            BrokenOff(log, reading.CacheKey, e.Message);
        }
        // What was promised cannot be kept: to break off is the only way to say so.
        context.Abort();
    }

    // Only what can be checked is kept.
    private async ValueTask<bool> FromMemoryAsync(HttpContext context, DatasetReading reading, int number, FileHead head)
    {
        var file = reading.File(number);
        if (!parts.Hot.Takes(file.Size) || reading.Checksums(number).Length == 0)
            return false;
        var answer = await parts.Hot.GetAsync(reading.CacheKey, reading.Digest, file.Path, (int)file.Size, into => Load(reading, number, into), context.RequestAborted);
        using var hold = answer.Hold;
        if (answer.IsBad)
        {
            await RefuseAsync(context, reading);
            return true;
        }
        if (hold is null)
            return false;
        Begin(context.Response, head);
        await FileBody.SendAsync(context, hold.Bytes.Slice((int)head.From, (int)head.Count));
        return true;
    }

    // On the thread of whoever asked first: it is a MiB at the most, and most likely in the page cache.
    private bool Load(DatasetReading reading, int number, Memory<byte> into)
    {
        using var handle = reading.TryOpenWhole(number);
        return handle is not null && handle.Read(into.Span, 0) == into.Length && FileCheck.IsWhole(into.Span, reading.Checksums(number).Span);
    }

    private async Task RefuseAsync(HttpContext context, DatasetReading reading)
    {
        faults.Found(reading.CacheKey);
        context.Response.Headers.Clear();
        await FileFaults.WriteAsync(context, reading.CacheKey);
    }

    private static void Begin(HttpResponse response, FileHead head)
    {
        response.StatusCode = head.Status;
        response.ContentLength = head.Count;
    }

    private static FileHead WriteHead(HttpContext context, ManifestFile file, DateTimeOffset since)
    {
        var tag = FileHead.TagOf(file);
        // Headers know whole seconds.
        var modified = DateTimeOffset.FromUnixTimeSeconds(since.ToUnixTimeSeconds());
        var head = FileHead.Decide(context.Request, new EntityTagHeaderValue(tag), modified, file.Size);
        var headers = context.Response.Headers;
        context.Response.StatusCode = head.Status;
        if (head.Status is StatusCodes.Status416RangeNotSatisfiable)
            headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{file.Size}");
        if (head.Status is StatusCodes.Status412PreconditionFailed or StatusCodes.Status416RangeNotSatisfiable)
            return head;
        headers.ETag = tag;
        headers.LastModified = HeaderUtilities.FormatDate(modified);
        headers.CacheControl = "private, no-cache";
        if (head.Status is StatusCodes.Status304NotModified)
            return head;
        headers.AcceptRanges = "bytes";
        headers.ContentType = FileType.Of(file.Path);
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        if (head.Status is StatusCodes.Status206PartialContent)
            headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {head.From}-{head.From + head.Count - 1}/{file.Size}");
        return head;
    }

    /// <summary>Null where it was answered that there is none.</summary>
    private async ValueTask<DatasetReading?> ReadAsync(HttpContext context, bool isUse = true)
    {
        var key = NodeApi.Value(context, "key");
        if (parts.Cache.TryRead(key, isUse) is { } reading)
            return reading;
        await ApiProblem.WriteAsync(context, StatusCodes.Status404NotFound, NotHere, $"This node has no dataset {PrintableText.Quote(key)} to read from, or it is broken.",
            "POST /v1/open makes one readable piece by piece, POST /v1/acquire gets all of it (and heals a broken one).");
        return null;
    }

    [LoggerMessage(30, LogLevel.Warning, "A file of {CacheKey} could not be sent to its end: {Why}")]
    private static partial void BrokenOff(ILogger logger, string cacheKey, string why);

    // The framework leaves an encoded slash as it came, so that it is no other part of the path. A dataset's paths may be written with it.
    private static int Find(DatasetReading reading, string path)
    {
        var found = reading.Find(path);
        return found >= 0 || !path.Contains("%2f", StringComparison.OrdinalIgnoreCase) ? found : reading.Find(path.Replace("%2f", "/", StringComparison.OrdinalIgnoreCase));
    }
}

/// <param name="Etag">As the header has it, quotes included.</param>
internal sealed record FileDocument(string Path, long Size, string Etag);

/// <param name="Next">What to ask for <c>after</c> to go on; null at the end.</param>
internal sealed record FilesDocument(IReadOnlyList<FileDocument> Files, string? Next)
{
    public static FilesDocument Of(IEnumerable<ManifestFile> files, bool hasMore)
    {
        FileDocument[] page = [.. files.Select(file => new FileDocument(file.Path, file.Size, FileHead.TagOf(file)))];
        return new FilesDocument(page, hasMore ? page[^1].Path : null);
    }
}

internal sealed record OpenDocument(string CacheKey, long Files, long Bytes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FilesDocument))]
[JsonSerializable(typeof(OpenDocument))]
internal sealed partial class FilesJson : JsonSerializerContext;
