namespace DatasetCache.Datasets;

/// <summary>
/// Where a path that stands in a metadata file may lie below the dataset. People write them relative to the dataset, as full URLs of the bucket it once lay
/// in, or as they were on the machine that made them; only what is found in the listing counts, so a wrong guess costs nothing.
/// </summary>
internal sealed class WrittenPath(string datasetPrefix)
{
    private readonly string prefix = datasetPrefix.TrimEnd('/');

    /// <summary>
    /// Paths below the dataset, likeliest first; "" is the dataset itself. A relative path is taken as it is, then without the dataset's prefix. An absolute one
    /// (leading '/', a drive, <c>s3://bucket/</c>) without the prefix, then from behind the folder named as the dataset's last, then, unless it is a URL,
    /// without its leading '/'.
    /// </summary>
    public IReadOnlyList<string> Candidates(string written)
    {
        if (IsPlain(written))
            return prefix.Length > 0 && Below(prefix, written) is { } inside ? [written, inside] : [written];

        var text = written.Replace('\\', '/');
        var isUrl = false;
        if (text.IndexOf("://", StringComparison.Ordinal) is > 0 and var scheme)
        {
            isUrl = true;
            var path = text.IndexOf('/', scheme + 3);
            text = path < 0 ? "" : text[path..];
        }
        else if (text.Length >= 3 && char.IsAsciiLetter(text[0]) && text[1] == ':' && text[2] == '/')
        {
            text = text[2..];
        }
        var isAbsolute = isUrl || text.StartsWith('/');
        if (Normalize(text) is not { } normal)
            return [];

        var found = new List<string>(3);
        if (!isAbsolute)
            Add(normal);
        Add(Below(prefix, normal));
        if (isAbsolute)
            Add(BehindLastSegment(normal));
        if (isAbsolute && !isUrl)
            Add(normal);
        return found;

        void Add(string? candidate)
        {
            if (candidate is not null && !found.Contains(candidate, StringComparer.Ordinal))
                found.Add(candidate);
        }
    }

    public static string Join(string folder, string path) => folder.Length == 0 ? path : path.Length == 0 ? folder : $"{folder}/{path}";

    /// <summary>Without empty and "." parts, ".." resolved; null where it leads out of where it starts.</summary>
    public static string? Normalize(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part is "" or ".")
                continue;
            if (part is not "..")
                parts.Add(part);
            else if (parts.Count == 0)
                return null;
            else
                parts.RemoveAt(parts.Count - 1);
        }
        return string.Join('/', parts);
    }

    // Nearly every file_name of nearly every dataset.
    private static bool IsPlain(string written) => written.Length > 0 && written[0] is not ('/' or '.') && !written.EndsWith('/')
        && !written.Contains('\\') && !written.Contains(':') && !written.Contains("/.", StringComparison.Ordinal) && !written.Contains("//", StringComparison.Ordinal);

    private static string? Below(string folder, string path) =>
        folder.Length == 0 || path.Length == folder.Length && path.Equals(folder, StringComparison.Ordinal) ? (folder.Length == 0 ? path : "")
            : path.StartsWith(folder, StringComparison.Ordinal) && path[folder.Length] == '/' ? path[(folder.Length + 1)..]
            : null;

    private string? BehindLastSegment(string path)
    {
        if (prefix.Length == 0)
            return null;
        var last = "/" + prefix[(prefix.LastIndexOf('/') + 1)..] + "/";
        var at = $"/{path}/".LastIndexOf(last, StringComparison.Ordinal);
        return at < 0 ? null : $"{path}/"[(at + last.Length - 1)..].TrimEnd('/');
    }
}
