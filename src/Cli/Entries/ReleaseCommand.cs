using System.CommandLine;
using DatasetCache.Cli.Nodes;
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
        await using var cache = HostCache.Open(session, settings);
        var released = await cache.ReleaseAsync(jobDirectory);
        if (settings.Json)
            Stdio.Print(JsonText.Line(new ReleaseDocument(released.Link, released.CacheKey, released.Removed, released.KeptFiles), JsonOutput.Default.ReleaseDocument));
        else if (!settings.Quiet)
            Stdio.Note(Describe(released));
        return ExitCode.Ok;
    }

    private static string Describe(ReleaseResult released)
    {
        if (!released.Removed)
            return $"dscache: {released.Link} is not there: nothing to release.";
        var kept = released.KeptFiles == 0 ? "" : $" {Display.Count(released.KeptFiles)} files that are not the cache's stay there.";
        return $"dscache: released {released.CacheKey ?? "the dataset"} from {released.Link}.{kept}";
    }
}

/// <summary>As <see cref="ReleaseResult"/>.</summary>
internal sealed record ReleaseDocument(string Link, string? CacheKey, bool Removed, int KeptFiles);
