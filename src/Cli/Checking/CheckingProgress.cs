using DatasetCache.Cli.Output;
using DatasetCache.Integrity;

namespace DatasetCache.Cli.Checking;

/// <summary>A line on stderr every few seconds, so that a long look at much data can be seen to go on.</summary>
internal sealed class CheckingProgress(TimeProvider time) : IProgress<VerifyProgress>, IProgress<ScrubProgress>
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);
    private readonly Lock gate = new();
    private long last = time.GetTimestamp();

    public void Report(VerifyProgress value)
    {
        if (IsTime())
            Stdio.Note($"dscache: {value.CacheKey}: {Display.Size(value.BytesDone)} of {Display.Size(value.BytesTotal)}");
    }

    public void Report(ScrubProgress value)
    {
        if (IsTime())
            Stdio.Note($"dscache: {value.CacheKey}: {Display.Size(value.BytesRead)} read, {value.Passed * 100:0.0} % of the cycle");
    }

    private bool IsTime()
    {
        lock (gate)
        {
            if (time.GetElapsedTime(last) < Every)
                return false;
            last = time.GetTimestamp();
            return true;
        }
    }
}
