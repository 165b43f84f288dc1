using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Progress;
using DatasetCache.Cli.Running;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Moving;

namespace DatasetCache.Cli.Moving;

/// <summary><c>dscache export KEY… -o FILE</c>: entries as a tar, for a host without network.</summary>
internal static class ExportCommand
{
    public static Command Define(Command command, Session session)
    {
        var keys = new Argument<string[]>("KEY") { Description = "Cache keys, as ls prints them.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Every entry." };
        var output = new Option<string>("--output", "-o") { HelpName = "FILE", Description = "Where the tar goes; - for standard output.", Required = true };
        command.Add(keys.RefuseOptions());
        command.Add(all);
        command.Add(output);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Progress, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetValue(keys) ?? [], parse.GetValue(all), parse.GetRequiredValue(output)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string[] keys, bool all, string output)
    {
        if (all == keys.Length > 0)
            throw new InvalidRequestException(all ? "--all and keys together make no sense." : "Nothing says what to export.", "Name the entries' keys ('dscache ls'), or say --all.");
        var toPipe = output is "-";
        if (toPipe && !Console.IsOutputRedirected)
            throw new InvalidRequestException("An archive is nothing for a terminal.", "Name a file with -o FILE, or pipe it: dscache export KEY -o - | zstd > FILE.");
        using var interruption = new Interruption();
        await using var cache = session.OpenCache(settings);
        try
        {
            ExportReport report;
            await using (var progress = ProgressDisplay.Create(settings.Progress, settings.Quiet, session.Time))
                report = await cache.ExportAsync(all ? [.. cache.List().Select(entry => entry.CacheKey)] : keys, toPipe ? null : output, progress, interruption.Token);
            Write(report, settings, toPipe);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(settings.Json);
        }
    }

    private static void Write(ExportReport report, Settings settings, bool toPipe)
    {
        if (settings.Json)
        {
            // Standard output is the archive's.
            (toPipe ? (Action<string>)Stdio.Note : Stdio.Print)(JsonText.Line(new ExportDocument(report.Entries, report.ArchiveBytes), JsonOutput.Default.ExportDocument));
            return;
        }
        if (!settings.Quiet)
        {
            Stdio.Note($"dscache: exported {Display.Count(report.Entries.Count)} {(report.Entries.Count == 1 ? "entry" : "entries")}, {Display.Count(report.Entries.Sum(entry => entry.Files))} files, "
                + $"{Display.Size(report.ArchiveBytes)}{(report.Entries.Sum(entry => entry.SharedBytes) is > 0 and var shared ? $" ({Display.Size(shared)} that entries share went once)" : "")}.");
        }
    }
}

/// <summary>What <c>export --json</c> prints (on stderr where the archive goes to standard output). Sizes are bytes.</summary>
internal sealed record ExportDocument(IReadOnlyList<ExportedEntry> Entries, long ArchiveBytes);
