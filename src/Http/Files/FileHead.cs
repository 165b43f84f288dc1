using DatasetCache.Datasets;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace DatasetCache.Http.Files;

/// <summary>What a request for a file comes to, by its conditions and its range (RFC 9110, 13.2.2 and 14).</summary>
/// <param name="Status">200, 206, 304, 412 or 416.</param>
/// <param name="From">First byte of the body.</param>
/// <param name="Count">Bytes of the body, of a HEAD's too.</param>
internal readonly record struct FileHead(int Status, long From, long Count)
{
    /// <param name="modified">In whole seconds, as headers say it.</param>
    public static FileHead Decide(HttpRequest request, EntityTagHeaderValue tag, DateTimeOffset modified, long size)
    {
        var headers = request.Headers;
        if (headers.IfMatch.Count > 0)
        {
            if (!Has(headers.IfMatch, tag, strong: true))
                return new FileHead(StatusCodes.Status412PreconditionFailed, 0, 0);
        }
        else if (headers.IfUnmodifiedSince.Count > 0 && HeaderUtilities.TryParseDate(headers.IfUnmodifiedSince.ToString(), out var unmodified) && modified > unmodified)
            return new FileHead(StatusCodes.Status412PreconditionFailed, 0, 0);

        if (headers.IfNoneMatch.Count > 0)
        {
            if (Has(headers.IfNoneMatch, tag, strong: false))
                return new FileHead(StatusCodes.Status304NotModified, 0, 0);
        }
        else if (headers.IfModifiedSince.Count > 0 && HeaderUtilities.TryParseDate(headers.IfModifiedSince.ToString(), out var since) && modified <= since)
            return new FileHead(StatusCodes.Status304NotModified, 0, 0);

        // Ranges are defined for GET alone.
        return headers.Range.Count > 0 && HttpMethods.IsGet(request.Method) && MayBePart(headers, tag, modified) ? Part(headers.Range.ToString(), size) : new FileHead(StatusCodes.Status200OK, 0, size);
    }

    private static bool Has(Microsoft.Extensions.Primitives.StringValues header, EntityTagHeaderValue tag, bool strong)
    {
        if (!EntityTagHeaderValue.TryParseList(header, out var tags))
            return false;
        foreach (var one in tags)
        {
            if (one.Equals(EntityTagHeaderValue.Any) || one.Compare(tag, strong))
                return true;
        }
        return false;
    }

    // Who has a part of another version wants all of this one.
    private static bool MayBePart(IHeaderDictionary headers, EntityTagHeaderValue tag, DateTimeOffset modified)
    {
        if (headers.IfRange.Count == 0)
            return true;
        return RangeConditionHeaderValue.TryParse(headers.IfRange.ToString(), out var condition)
            && (condition.EntityTag is { } one ? one.Compare(tag, useStrongComparison: true) : condition.LastModified == modified);
    }

    // Several ranges are answered with the whole file, and so is what is no range of bytes: a server may ignore it.
    private static FileHead Part(string text, long size)
    {
        if (!RangeHeaderValue.TryParse(text, out var header) || !header.Unit.Equals("bytes", StringComparison.OrdinalIgnoreCase) || header.Ranges.Count != 1)
            return new FileHead(StatusCodes.Status200OK, 0, size);
        var range = header.Ranges.First();
        if (range.From is { } from)
        {
            return from < size
                ? new FileHead(StatusCodes.Status206PartialContent, from, Math.Min(range.To ?? long.MaxValue, size - 1) - from + 1)
                : new FileHead(StatusCodes.Status416RangeNotSatisfiable, 0, 0);
        }
        var last = Math.Min(range.To ?? 0, size);
        return last > 0 ? new FileHead(StatusCodes.Status206PartialContent, size - last, last) : new FileHead(StatusCodes.Status416RangeNotSatisfiable, 0, 0);
    }

    /// <summary>
    /// The file's strong ETag: the origin's own, with the size. Under one cache key the same tag always means the same bytes; what an origin writes that no ETag may hold is
    /// hashed.
    /// </summary>
    public static string TagOf(ManifestFile file)
    {
        var tag = file.ETag;
        if (tag.Length > 200 || tag.AsSpan().ContainsAnyExcept(TagCharacters))
            tag = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(tag)))[..32];
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\"{tag}-{file.Size:x}\"");
    }

    private static readonly System.Buffers.SearchValues<char> TagCharacters = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(code => (char)code).Where(c => c is not '"' and not '\\')]);
}
