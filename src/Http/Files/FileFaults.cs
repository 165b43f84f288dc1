using System.Collections.Concurrent;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Integrity;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Files;

/// <summary>What is done about an entry that was found broken while it was read: it is verified in the background, which withdraws and heals it.</summary>
internal sealed class FileFaults(INodeService node, TimeProvider time)
{
    // However many readers find it.
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, long> found = new(StringComparer.Ordinal);

    public void Found(string cacheKey)
    {
        var now = time.GetTimestamp();
        if (found.TryGetValue(cacheKey, out var last) ? time.GetElapsedTime(last) >= Again && found.TryUpdate(cacheKey, now, last) : found.TryAdd(cacheKey, now))
            node.Verify(ticket: null, cacheKey, VerifyLevel.Pieces, heal: true);
    }

    public static Task WriteAsync(HttpContext context, string cacheKey) => ApiProblem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, ApiProblem.CodeOf(ErrorCode.Integrity),
        $"The file of {cacheKey} is not what it was when it was cached. The dataset is being verified and healed.", "Ask again in a moment.", isTransient: true);
}
