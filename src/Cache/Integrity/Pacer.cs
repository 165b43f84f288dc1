namespace DatasetCache.Integrity;

/// <summary>
/// Keeps readers together below so many bytes a second. Time is the monotonic one: setting the clock neither stops it nor sets it free.
/// </summary>
/// <param name="bytesPerSecond">0 for as fast as it goes.</param>
internal sealed class Pacer(long bytesPerSecond, TimeProvider time)
{
    // Shorter waits are saved up: a timer for every small file would cost more than the file.
    private static readonly TimeSpan Worthwhile = TimeSpan.FromMilliseconds(20);
    private readonly Lock gate = new();
    private readonly long start = time.GetTimestamp();
    private TimeSpan next;

    /// <summary>Waits until so many bytes may be read: for a thread of its own.</summary>
    public void Take(long bytes, CancellationToken cancellationToken)
    {
        if (bytesPerSecond <= 0)
            return;
        TimeSpan wait;
        lock (gate)
        {
            var now = time.GetElapsedTime(start);
            // What was not used is not saved up.
            if (next < now)
                next = now;
            wait = next - now;
            next += TimeSpan.FromSeconds(bytes / (double)bytesPerSecond);
        }
        if (wait < Worthwhile)
            return;
        using var over = new ManualResetEventSlim();
        using var timer = time.CreateTimer(static state => ((ManualResetEventSlim)state!).Set(), over, wait, Timeout.InfiniteTimeSpan);
        over.Wait(cancellationToken);
    }
}
