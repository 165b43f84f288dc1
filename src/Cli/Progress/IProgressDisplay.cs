namespace DatasetCache.Cli.Progress;

/// <summary>Shows an acquisition's progress on stderr. Reports come from any thread; disposing shows the last state.</summary>
internal interface IProgressDisplay : IProgress<AcquireProgress>, IAsyncDisposable;

internal static class ProgressDisplay
{
    /// <summary>Null where nothing is to be shown.</summary>
    public static IProgressDisplay? Create(string mode, bool quiet, TimeProvider time) => (quiet, mode) switch
    {
        (true, _) or (_, "none") => null,
        (_, "json") => new JsonProgress(time),
        (_, "plain") => new PlainProgress(time),
        _ => IsTerminal() ? new BarProgress(time) : new PlainProgress(time),
    };

    private static bool IsTerminal() =>
        !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } terminal && terminal is not "dumb";
}
