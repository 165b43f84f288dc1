using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Progress;

/// <summary>A line every few seconds: for logs, and for terminals that cannot draw.</summary>
internal sealed class PlainProgress(TimeProvider time) : ThrottledProgress(time, TimeSpan.FromSeconds(3))
{
    protected override void Write(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft) =>
        Stdio.Note($"dscache: {progress.CacheKey}: {ProgressText.Line(progress, bytesPerSecond, timeLeft)}");
}
