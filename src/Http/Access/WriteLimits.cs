using System.Globalization;
using System.Threading.RateLimiting;
using DatasetCache.Http.Api;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Access;

/// <summary>How often one and the same may ask for something to be done.</summary>
internal sealed class WriteLimits(AccessOptions options)
{
    private readonly PartitionedRateLimiter<string> logins = Of(options.Logins);
    private readonly PartitionedRateLimiter<string> operations = Of(options.Operations);
    private readonly PartitionedRateLimiter<string> acquires = Of(options.Acquires);

    /// <returns>False where it was answered with 429.</returns>
    public ValueTask<bool> AllowLoginAsync(HttpContext context) => AllowAsync(context, logins, context.Connection.RemoteIpAddress?.ToString() ?? "");

    /// <returns>False where it was answered with 429.</returns>
    public ValueTask<bool> AllowWriteAsync(HttpContext context, Credential by, Role needed) => AllowAsync(context, needed == Role.Operator ? operations : acquires, by.Id);

    private static async ValueTask<bool> AllowAsync(HttpContext context, PartitionedRateLimiter<string> limiter, string who)
    {
        using var lease = limiter.AttemptAcquire(who);
        if (lease.IsAcquired)
            return true;
        var after = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)) : 1;
        context.Response.Headers.RetryAfter = after.ToString(CultureInfo.InvariantCulture);
        await ApiProblem.WriteAsync(context, StatusCodes.Status429TooManyRequests, ApiProblem.TooManyRequests, "Too many requests of this kind have come with this credential or from this address.",
            $"Wait {after} s, and ask less often.", isTransient: true);
        return false;
    }

    private static PartitionedRateLimiter<string> Of(WriteLimit limit) => PartitionedRateLimiter.Create<string, string>(who => RateLimitPartition.GetTokenBucketLimiter(who, _ => new TokenBucketRateLimiterOptions
    {
        TokenLimit = limit.Burst,
        ReplenishmentPeriod = limit.Period,
        TokensPerPeriod = limit.PerPeriod,
        QueueLimit = 0,
    }), StringComparer.Ordinal);
}
