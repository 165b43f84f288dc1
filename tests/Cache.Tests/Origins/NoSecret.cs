using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

internal static class NoSecret
{
    /// <summary>Neither message, advice, inner exceptions nor their data hold a secret or a signature.</summary>
    public static void In(DatasetCacheException error, params string[] secrets)
    {
        var all = $"{error} {error.Message} {error.Advice} {error.InnerException}";
        foreach (var secret in secrets)
            Assert.DoesNotContain(secret, all, StringComparison.Ordinal);
        Assert.DoesNotContain("Signature=", all, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("X-Amz-Credential", all, StringComparison.OrdinalIgnoreCase);
    }
}
