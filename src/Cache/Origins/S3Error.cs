using System.Buffers;
using System.Text;
using System.Xml;

namespace DatasetCache.Origins;

/// <summary>What an S3 server said when it refused.</summary>
internal sealed record S3Error(int Status, string? Code, string? Message, string? RequestId, string? Region, TimeSpan? RetryAfter, DateTimeOffset? ServerTime)
{
    private const int MaxErrorBody = 64 * 1024;
    private static readonly SearchValues<char> InRequestIds =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+/=");

    public static async Task<S3Error> ReadAsync(HttpResponseMessage response, TimeProvider time, CancellationToken cancellationToken)
    {
        var (code, message, region) = await ReadBodyAsync(response, cancellationToken);
        var retryAfter = response.Headers.RetryAfter;
        return new S3Error((int)response.StatusCode, code, message, RequestIdOf(response), Header(response, "x-amz-bucket-region") ?? region,
            retryAfter?.Delta ?? (retryAfter?.Date is { } date && date > time.GetUtcNow() ? date - time.GetUtcNow() : null), response.Headers.Date);
    }

    /// <summary>The server's name for a request; null where what it gave cannot be one.</summary>
    public static string? RequestIdOf(HttpResponseMessage response) => AsRequestId(Header(response, "x-amz-request-id"));

    public static string? AsRequestId(string? text) => text is { Length: > 0 and <= 128 } && !text.AsSpan().ContainsAnyExcept(InRequestIds) ? text : null;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static async Task<(string? Code, string? Message, string? Region)> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            // An endless or hanging error body must not hold the error back.
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(5));
            await using var body = await response.Content.ReadAsStreamAsync(limit.Token);
            var buffer = new byte[MaxErrorBody];
            var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, limit.Token);
            return Parse(Encoding.UTF8.GetString(buffer, 0, length));
        }
        catch (Exception e) when (e is IOException or HttpRequestException or XmlException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return default;
        }
    }

    /// <summary>The region that an error's XML names, or null.</summary>
    public static string? RegionIn(string? body)
    {
        try
        {
            return string.IsNullOrEmpty(body) ? null : Parse(body).Region;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static (string? Code, string? Message, string? Region) Parse(string body)
    {
        (string? Code, string? Message, string? Region) found = default;
        using var xml = XmlReader.Create(new StringReader(body.TrimStart('\uFEFF')),
            new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        xml.MoveToContent();
        if (!string.Equals(xml.LocalName, "Error", StringComparison.Ordinal))
            return found;
        xml.Read();
        while (!xml.EOF && xml.NodeType != XmlNodeType.EndElement)
        {
            switch (xml.NodeType == XmlNodeType.Element ? xml.LocalName : "")
            {
                case "Code":
                    found.Code = xml.ReadElementContentAsString();
                    break;
                case "Message":
                    found.Message = xml.ReadElementContentAsString();
                    break;
                case "Region":
                    found.Region = xml.ReadElementContentAsString();
                    break;
                default:
                    xml.Skip();
                    break;
            }
        }
        return found;
    }
}
