using System.Text.Json;
using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Progress;

/// <summary>One JSON object a line, at most one a second: for programs that watch stderr.</summary>
internal sealed class JsonProgress(TimeProvider time) : ThrottledProgress(time, TimeSpan.FromSeconds(1))
{
    protected override void Write(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft) =>
        Stdio.Note(JsonText.Line(ProgressLine.Of(progress, bytesPerSecond, timeLeft), JsonOutput.Default.ProgressLine));
}

/// <summary>Totals are 0 until the listing is done; rate and time left are null while unknown.</summary>
internal sealed record ProgressLine(
    string Phase, string CacheKey, long FilesDone, long FilesTotal, long BytesDone, long BytesTotal, long BytesFromOrigin, double? BytesPerSecond, double? SecondsLeft)
{
    public static ProgressLine Of(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft) => new(
        JsonNamingPolicy.CamelCase.ConvertName(progress.Phase.ToString()), progress.CacheKey, progress.FilesDone, progress.FilesTotal, progress.BytesDone,
        progress.BytesTotal, progress.BytesFromOrigin, bytesPerSecond is { } rate ? Math.Round(rate) : null,
        timeLeft is { } left ? Math.Round(left.TotalSeconds, 1) : null);
}
