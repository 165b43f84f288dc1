namespace DatasetCache.Cli.Progress;

/// <summary>Bytes a second over the last ten seconds: steady enough to read, quick enough to show a stall. Not thread-safe.</summary>
internal sealed class TransferRate(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(100);
    private readonly Queue<(long Timestamp, long Bytes)> samples = new();
    private (long Timestamp, long Bytes) newest;
    private long lastKept;

    public double? BytesPerSecond
    {
        get
        {
            if (samples.Count == 0)
                return null;
            var oldest = samples.Peek();
            var seconds = time.GetElapsedTime(oldest.Timestamp, newest.Timestamp).TotalSeconds;
            return seconds > 0 ? (newest.Bytes - oldest.Bytes) / seconds : null;
        }
    }

    /// <summary>Null where the rate is unknown or nothing moves.</summary>
    public TimeSpan? TimeLeft(long bytesLeft)
    {
        if (BytesPerSecond is not > 0 || bytesLeft < 0)
            return null;
        var seconds = bytesLeft / BytesPerSecond.Value;
        return seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    public void Add(long bytesDone)
    {
        var now = time.GetTimestamp();
        newest = (now, bytesDone);
        if (samples.Count == 0 || time.GetElapsedTime(lastKept, now) >= Resolution)
        {
            samples.Enqueue(newest);
            lastKept = now;
        }
        while (samples.Count > 1 && time.GetElapsedTime(samples.Peek().Timestamp, now) > Window)
            samples.Dequeue();
    }
}
