namespace DatasetCache.Http.Files;

/// <summary>
/// What a file says it is. A dataset is anybody's: only what no browser can be made to run is named, and everything else is bytes, so that a page in a dataset cannot use the session
/// of the operator who looks at it.
/// </summary>
internal static class FileType
{
    public static string Of(string path)
    {
        var dot = path.LastIndexOf('.');
        return (dot < 0 || path.Length - dot > 6 ? "" : path[(dot + 1)..].ToLowerInvariant()) switch
        {
            "jpg" or "jpeg" => "image/jpeg",
            "png" => "image/png",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "bmp" => "image/bmp",
            "json" => "application/json",
            "txt" or "csv" or "yaml" or "yml" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        };
    }
}
