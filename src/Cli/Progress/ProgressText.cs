using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Progress;

/// <summary>Progress in words.</summary>
internal static class ProgressText
{
    public static string Phase(AcquirePhase phase) => phase switch
    {
        AcquirePhase.Waiting => "waiting for another process that downloads it",
        AcquirePhase.Listing => "listing",
        AcquirePhase.Resuming => "checking what an interrupted download left",
        AcquirePhase.Downloading => "downloading",
        AcquirePhase.Publishing => "publishing",
        AcquirePhase.Exporting => "exporting",
        AcquirePhase.Importing => "importing",
        _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, "A phase without words."),
    };

    public static string Line(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft) =>
        progress.FilesTotal == 0 ? Phase(progress.Phase) : $"{Phase(progress.Phase)}, {Amounts(progress, bytesPerSecond, timeLeft)}";

    /// <summary><c>163 of 1,000 files, 16.3 MB of 100 MB, 12 MB/s, 7 s left</c>.</summary>
    public static string Amounts(AcquireProgress progress, double? bytesPerSecond, TimeSpan? timeLeft)
    {
        var text = $"{Display.Count(progress.FilesDone)} of {Display.Count(progress.FilesTotal)} files, "
            + $"{Display.Size(progress.BytesDone)} of {Display.Size(progress.BytesTotal)}";
        if (progress.Phase is not (AcquirePhase.Downloading or AcquirePhase.Exporting or AcquirePhase.Importing))
            return text;
        if (bytesPerSecond is { } rate)
            text += $", {Display.Size(rate)}/s";
        if (timeLeft is { } left && progress.BytesDone < progress.BytesTotal)
            text += $", {Display.Duration(left)} left";
        return text;
    }
}
