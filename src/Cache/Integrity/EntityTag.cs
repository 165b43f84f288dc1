namespace DatasetCache.Integrity;

/// <summary>What an origin's ETag may say about the bytes.</summary>
internal static class EntityTag
{
    /// <summary>
    /// Whether it has the form of an MD5. Those of several parts (<c>…-N</c>) and of a folder have not. That it has the form proves nothing: encrypted objects
    /// (SSE-KMS, SSE-C) and some stores have random ones that look the same.
    /// </summary>
    public static bool MayBeMd5(string etag) => etag.Length == 32 && etag.All(char.IsAsciiHexDigit);

    public static bool Is(string etag, ReadOnlySpan<byte> md5) => string.Equals(etag, Convert.ToHexStringLower(md5), StringComparison.OrdinalIgnoreCase);
}
