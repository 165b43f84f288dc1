using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Entries;

/// <summary><c>dscache release JOB_DIR</c>: the job is done with its dataset.</summary>
internal static class ReleaseCommand
{
    public static Command Define(Command command, Session session)
    {
        var directory = new Argument<string>("JOB_DIR") { Description = "The directory that was given to --into." };
        command.Add(directory.RefuseOptions());
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), Path.GetFullPath(parse.GetRequiredValue(directory))));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string jobDirectory)
    {
        await using var cache = session.OpenCache(settings);
        var released = cache.Release(jobDirectory);
        if (settings.Json)
            Stdio.Print(JsonText.Line(new ReleaseDocument(jobDirectory, released.CacheKey), JsonOutput.Default.ReleaseDocument));
        else if (!settings.Quiet)
            Stdio.Note(released.CacheKey is { } key ? $"Released {key} from {jobDirectory}." : $"{jobDirectory} held nothing.");
        return ExitCode.Ok;
    }
}

/// <summary>What was released; <paramref name="CacheKey"/> is null where the directory held nothing.</summary>
internal sealed record ReleaseDocument(string JobDirectory, string? CacheKey);
