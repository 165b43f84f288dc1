namespace DatasetCache.Origins;

public enum OriginKind
{
    S3,
    Folder,
}

/// <summary>Where an origin is, taken apart: <c>s3://bucket[/prefix]</c> or a folder. Parsing does no I/O.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Bucket">The bucket, or the folder's absolute path without a trailing '/'.</param>
/// <param name="Prefix">Empty, or whole path segments ending in '/'. Always empty for a folder.</param>
public sealed record OriginAddress(OriginKind Kind, string Bucket, string Prefix)
{
    private const string Scheme = "s3://";

    /// <exception cref="InvalidRequestException">It is neither an S3 URL nor a folder's path.</exception>
    public static OriginAddress Parse(string text)
    {
        if (text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return ParseS3(text);
        if (text.Contains("://", StringComparison.Ordinal))
            throw new InvalidRequestException($"'{Shown(text)}' is no origin: only s3://bucket[/prefix] and folders are.");
        if (text.Length == 0 || text.Contains('\0', StringComparison.Ordinal))
            throw new InvalidRequestException("An empty text is no origin.", "Write s3://bucket[/prefix], or the path of a folder.");
        return new OriginAddress(OriginKind.Folder, Path.TrimEndingDirectorySeparator(Path.GetFullPath(text)), "");
    }

    /// <summary>
    /// The origin's canonical name, see <see cref="IOrigin.Identity"/>: <c>s3:https://endpoint/bucket</c>, <c>s3:aws/bucket</c> or
    /// <c>folder:/absolute/path</c>.
    /// </summary>
    /// <param name="endpoint">The store's URL, null for AWS.</param>
    public string Identity(string? endpoint) => Kind switch
    {
        OriginKind.Folder => "folder:" + Bucket,
        _ when endpoint is null || IsAws(endpoint) => "s3:aws/" + Bucket,
        _ => $"s3:{endpoint.TrimEnd('/')}/{Bucket}",
    };

    /// <summary>What a person would write for the origin of this identity; null where it is none of ours. The endpoint is not in it.</summary>
    public static string? OfIdentity(string identity) => identity.StartsWith("folder:", StringComparison.Ordinal) ? identity["folder:".Length..]
        : identity.StartsWith("s3:", StringComparison.Ordinal) ? Scheme + identity[(identity.LastIndexOf('/') + 1)..]
        : null;

    public override string ToString() => Kind == OriginKind.Folder ? Bucket : $"{Scheme}{Bucket}/{Prefix}";

    private static OriginAddress ParseS3(string text)
    {
        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var bucket = slash < 0 ? rest : rest[..slash];
        // Wider than AWS allows today: old and compatible stores have capitals and underscores.
        if (bucket.Length is 0 or > 255 || !char.IsAsciiLetterOrDigit(bucket[0])
            || bucket.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')))
        {
            throw new InvalidRequestException($"'{Shown(text)}' names no bucket.", "Write s3://bucket or s3://bucket/prefix.");
        }
        var prefix = slash < 0 ? "" : rest[slash..].Trim('/');
        return new OriginAddress(OriginKind.S3, bucket, prefix.Length == 0 ? "" : prefix + "/");
    }

    // A bucket's content does not depend on which of AWS' host names led to it.
    private static bool IsAws(string endpoint) => Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
        && uri.Host.EndsWith(".amazonaws.com", StringComparison.OrdinalIgnoreCase) && uri.Host.StartsWith("s3", StringComparison.OrdinalIgnoreCase);

    // user:password@ is a credential, and so may be a query.
    private static string Shown(string text)
    {
        var end = text.IndexOf('?', StringComparison.Ordinal);
        var shown = end < 0 ? text : text[..end] + "?…";
        var at = shown.LastIndexOf('@');
        var start = shown.IndexOf("://", StringComparison.Ordinal) + 3;
        return at > start ? shown[..start] + "…" + shown[at..] : shown;
    }
}
