namespace DatasetCache.Cli.Progress;

/// <summary>Writes the first report at once, then at most one per interval, and the last one when it ends.</summary>
internal abstract class ThrottledProgress(TimeProvider time, TimeSpan interval) : IProgressDisplay
{
    private readonly Lock gate = new();
    private readonly TransferRate rate = new(time);
    private AcquireProgress? unwritten;
    private long lastWrite;
    private bool started;

    public void Report(AcquireProgress value)
    {
        lock (gate)
        {
            rate.Add(value.BytesDone);
            unwritten = value;
            if (started && time.GetElapsedTime(lastWrite) < interval)
                return;
            started = true;
            lastWrite = time.GetTimestamp();
            WriteOnce();
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (gate)
            WriteOnce();
        return ValueTask.CompletedTask;
    }

    protected abstract void Write(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft);

    private void WriteOnce()
    {
        if (unwritten is not { } progress)
            return;
        unwritten = null;
        Write(progress, rate.BytesPerSecond, rate.TimeLeft(progress.BytesTotal - progress.BytesDone));
    }
}
