using DatasetCache.Origins;

namespace DatasetCache.Transfers;

/// <summary>
/// Ends a request that stands still: less than <see cref="LeastBytes"/> within the stall timeout, be it nothing at all or a byte a second. One
/// guard serves one worker's requests, one after the other.
/// </summary>
internal sealed class StallGuard : IDisposable
{
    public const int LeastBytes = 16 * 1024;
    private readonly TimeSpan timeout;
    private readonly TimeSpan rearmAfter;
    private readonly TimeProvider time;
    private readonly CancellationToken outer;
    private readonly CancellationTokenRegistration registration;
    private CancellationTokenSource source;
    private long since;
    private long bytesSince;

    public StallGuard(TimeSpan timeout, TimeProvider time, CancellationToken outer)
    {
        this.timeout = timeout;
        rearmAfter = timeout / 4 < TimeSpan.FromSeconds(1) ? timeout / 4 : TimeSpan.FromSeconds(1);
        this.time = time;
        this.outer = outer;
        source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        registration = outer.Register(() => Volatile.Read(ref source).Cancel());
    }

    public CancellationToken Token => source.Token;

    /// <summary>Begins to watch a request.</summary>
    public void Start()
    {
        if (source.IsCancellationRequested)
        {
            outer.ThrowIfCancellationRequested();
            var fresh = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
            Volatile.Write(ref source, fresh);
            outer.ThrowIfCancellationRequested();
        }
        Arm();
    }

    public void Received(int bytes)
    {
        bytesSince += bytes;
        // Timers are not free: once a second at the most, but well within the shortest timeout.
        if (bytesSince >= LeastBytes && time.GetElapsedTime(since) > rearmAfter)
            Arm();
    }

    private void Arm()
    {
        since = time.GetTimestamp();
        bytesSince = 0;
        source.CancelAfter(timeout);
    }

    /// <summary>Ends the watch; between requests nothing runs out.</summary>
    public void Stop() => source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>What a cancellation of <see cref="Token"/> means: the caller's own wish, or a stall.</summary>
    public Exception Explain(OperationCanceledException cancelled, string key)
        => outer.IsCancellationRequested ? cancelled : new OriginException(OriginFailure.Stalled,
            $"The origin sent less than {LeastBytes / 1024} KiB of {key} within {timeout.TotalSeconds:0.#} s.", key, inner: cancelled);

    public void Dispose()
    {
        registration.Dispose();
        source.Dispose();
    }
}
