using System.Text.Json;

namespace DatasetCache.Cli.Output;

/// <summary>Says on stderr what went wrong and what to do, for a person or as one JSON object, and picks the exit code.</summary>
internal sealed record ErrorReport(string Code, string Message, string? Advice, bool Retry, int ExitCode)
{
    public static ErrorReport Of(Exception exception) => exception switch
    {
        DatasetCacheException known => Of(known.Code, known.Message, known.Advice, known.IsWorthRetrying),
        UnauthorizedAccessException or IOException => Of(
            ErrorCode.StorageFailed, exception.Message, "Check the folder's permissions and the disk; dscache doctor looks at both.", retry: false),
        _ => Of(
            ErrorCode.Internal, $"This is a defect of dscache: {exception}", "Please report it with the lines above; what was downloaded is kept.", retry: false),
    };

    public static ErrorReport Of(ErrorCode code, string message, string? advice, bool retry) =>
        new(JsonNamingPolicy.CamelCase.ConvertName(code.ToString()), message, advice, retry, Cli.ExitCode.Of(code));

    public static ErrorReport Usage(string message, string? advice) => Of(ErrorCode.InvalidArgument, message, advice, retry: false);

    /// <summary>A signal ended us before the work was done.</summary>
    public static ErrorReport Interrupted(int signal, string name) => new(
        "interrupted", $"Stopped by {name}. What was downloaded is kept.", "Run the same command again to go on from here.", Retry: true,
        Cli.ExitCode.SignalBase + signal);

    /// <summary>Writes it and returns the exit code.</summary>
    public int Write(bool json)
    {
        if (json)
        {
            Stdio.Note(JsonText.Line(new ErrorDocument(this), JsonOutput.Default.ErrorDocument));
            return ExitCode;
        }
        var text = $"dscache: {Message}\n";
        if (Advice is not null)
            text += $"  {Advice}\n";
        if (Retry && Code is not "interrupted")
            text += $"  The same command may succeed later (exit code {ExitCode}).\n";
        Stdio.Error.Write(text);
        return ExitCode;
    }
}

internal sealed record ErrorDocument(ErrorReport Error);
