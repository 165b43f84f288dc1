using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Running;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Integrity;

namespace DatasetCache.Cli.Checking;

/// <summary><c>dscache scrub</c>: reads as much of the cache as is due, for a timer; all of it now; or goes on for ever, as a service.</summary>
internal static class ScrubCommand
{
    public static Command Define(Command command, Session session)
    {
        var all = new Option<bool>("--all") { Description = "Go through everything now; one that was cut short goes on where it stopped." };
        var watch = new Option<bool>("--watch") { Description = "Go on until SIGTERM: scrub what is due, sweep, and evict where the quota or the disk's floor is passed." };
        var strict = new Option<bool>("--strict") { Description = "Do not heal: withdraw what is broken, and fail." };
        command.Add(all);
        command.Add(watch);
        command.Add(strict);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.ScrubRate, SettingTable.ScrubPeriod, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        // Here it is clear what they are of.
        foreach (var option in command.Options)
        {
            if (option.Name is "--scrub-rate" or "--scrub-period")
                option.Aliases.Add(option.Name.Replace("scrub-", "", StringComparison.Ordinal));
        }
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetValue(all), parse.GetValue(watch), !parse.GetValue(strict)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, bool all, bool watch, bool heal)
    {
        using var interruption = new Interruption();
        await using var cache = session.OpenCache(settings);
        var progress = settings.Quiet || settings.Progress is "none" || watch ? null : new CheckingProgress(session.Time);
        var options = new ScrubOptions { All = all, Heal = heal, Progress = progress };
        try
        {
            if (watch)
                await cache.MaintainAsync(options, new Rounds(settings), interruption.Token);
            var report = await cache.ScrubAsync(options, interruption.Token);
            if (settings.Json)
                Stdio.Print(JsonText.Pretty(ScrubDocument.Of(report), JsonOutput.Default.ScrubDocument));
            else
                Write(report, settings.Quiet);
            return report.Broken.All(result => result.IsUsable) ? ExitCode.Ok : ExitCode.Integrity;
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            // For a service that is how it ends.
            return watch ? ExitCode.Ok : ErrorReport.Interrupted(signal.Number, signal.Name).Write(settings.Json);
        }
    }

    private static void Write(ScrubReport report, bool quiet)
    {
        foreach (var result in report.Broken)
            BrokenEntry.Write(result);
        if (quiet)
            return;
        Stdio.Print(report.Files == 0
            ? $"{(report.IsCycleOver ? "everything has been read" : "nothing is due now")}"
            : $"read {Display.Size(report.BytesRead)} of {Display.Count(report.Files)} files; {Display.Count(report.Broken.Count(result => result.IsUsable))} healed, {Display.Count(report.Broken.Count(result => !result.IsUsable))} broken");
        var found = report.Found == 0 ? "nothing found broken" : $"{Display.Count(report.Found)} faults found, {Display.Count(report.Unhealed)} entries not healed";
        Stdio.Print(report.IsCycleOver
            ? $"cycle {report.Cycle}: over since {Display.Time(report.CycleEnds)}, {found}"
            : $"cycle {report.Cycle}: {report.Passed * 100:0.0} % read, ends {Display.Time(report.CycleEnds)}, {found}");
    }

    /// <summary>What a service says: rounds in which something happened.</summary>
    private sealed class Rounds(Settings settings) : IProgress<MaintenanceRound>
    {
        public void Report(MaintenanceRound value)
        {
            if (value.Failure is { } failure)
                _ = ErrorReport.Of(failure).Write(settings.Json);
            if (value.Evicted > 0 && !settings.Quiet)
                Stdio.Note($"dscache: evicted {Display.Count(value.Evicted)} {(value.Evicted == 1 ? "entry" : "entries")}: the quota or the disk's floor was passed.");
            // What still cannot be healed was said when it was found.
            foreach (var result in value.Retried.Where(result => result.IsUsable))
                Stdio.Note($"dscache: {result.CacheKey} is healed.");
            if (value.Scrub is not { } report || report.Files == 0)
                return;
            if (settings.Json)
                Stdio.Print(JsonText.Line(ScrubDocument.Of(report), JsonOutput.Default.ScrubDocument));
            else
                Write(report, settings.Quiet || (report.Broken.Count == 0 && !report.IsCycleOver));
        }
    }
}
