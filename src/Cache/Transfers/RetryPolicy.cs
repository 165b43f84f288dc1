using DatasetCache.Origins;

namespace DatasetCache.Transfers;

/// <summary>How long to wait before a request is repeated: exponential, capped, with full jitter, so that a herd does not come back as one.</summary>
internal sealed class RetryPolicy(int attempts, TimeProvider time, Random? random = null)
{
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);
    public static readonly TimeSpan LongestAsked = TimeSpan.FromSeconds(60);
    private readonly Random random = random ?? Random.Shared;

    /// <summary>Waits before attempt <paramref name="failed"/> + 1, or rethrows where it is no use.</summary>
    /// <param name="failure">Why the last attempt failed.</param>
    /// <param name="failed">Attempts that failed in a row without a byte of progress, from 1.</param>
    public async Task BeforeNextAsync(OriginException failure, int failed, CancellationToken cancellationToken)
    {
        if (!failure.IsTransient || failed >= attempts)
            throw failed > 1 ? Exhausted(failure, failed) : failure;
        await Task.Delay(DelayFor(failed, failure.RetryAfter), time, cancellationToken);
    }

    public TimeSpan DelayFor(int failed, TimeSpan? asked)
    {
        var ceiling = TimeSpan.FromTicks((long)Math.Min(Longest.Ticks, First.Ticks * Math.Pow(2, failed - 1)));
        var jittered = ceiling * random.NextDouble();
        var least = asked is null ? TimeSpan.Zero : asked.Value < LongestAsked ? asked.Value : LongestAsked;
        return jittered > least ? jittered : least + (First * random.NextDouble());
    }

    private static OriginException Exhausted(OriginException last, int failed) => new(last.Failure,
        $"{last.Message} Given up after {failed} attempts.", last.ObjectKey, last.HttpStatus, last.RequestId, last.RetryAfter, last.Advice, last);
}
