using System.CommandLine;
using System.Globalization;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Progress;
using DatasetCache.Cli.Running;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Moving;

namespace DatasetCache.Cli.Moving;

/// <summary><c>dscache import FILE</c>: takes entries out of what <c>export</c> wrote, and believes nothing of it.</summary>
internal static class ImportCommand
{
    public static Command Define(Command command, Session session)
    {
        var file = new Argument<string>("FILE") { Description = "What export wrote; - for standard input." };
        var entries = new Option<string?>("--max-entries") { HelpName = "N", Description = "Refuse an archive with more members: two for each entry and one for each file. Default: 10000000" };
        var bytes = new Option<string?>("--max-bytes") { HelpName = "SIZE", Description = "Refuse an archive with more bytes, for example 20GB. Default: the cache's quota" };
        command.Add(file);
        command.Add(entries);
        command.Add(bytes);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.CacheMaxSize, SettingTable.Json, SettingTable.Progress, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetRequiredValue(file), Limits(parse.GetValue(entries), parse.GetValue(bytes))));
        return command;
    }

    private static ImportLimits Limits(string? entries, string? bytes)
    {
        var limits = new ImportLimits();
        if (entries is not null)
        {
            limits = limits with
            {
                MaxEntries = long.TryParse(entries, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count
                    : throw new InvalidRequestException($"--max-entries is '{entries}': it must be a whole number above 0."),
            };
        }
        return bytes is null ? limits : limits with
        {
            MaxBytes = Quantity.TryParseSize(bytes, out var size) && size > 0 ? size : throw new InvalidRequestException($"--max-bytes is '{bytes}': it is no size above 0.", "Write it as 20GB or 20GiB."),
        };
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string file, ImportLimits limits)
    {
        using var interruption = new Interruption();
        await using var input = Open(file);
        await using var cache = session.OpenCache(settings);
        try
        {
            ImportReport report;
            await using (var progress = ProgressDisplay.Create(settings.Progress, settings.Quiet, session.Time))
                report = await cache.ImportAsync(input, limits, progress, interruption.Token);
            Write(report, settings);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(settings.Json);
        }
    }

    private static Stream Open(string file)
    {
        if (file is "-")
            return Console.OpenStandardInput();
        if (file.Length == 0)
            throw new InvalidRequestException("FILE is empty.", "Name an archive, or - for standard input.");
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidRequestException($"There is no archive at {file}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{file} cannot be read: {e.Message}", inner: e);
        }
    }

    private static void Write(ImportReport report, Settings settings)
    {
        var taken = report.Entries.Where(entry => !entry.WasThere).ToArray();
        if (settings.Json)
        {
            var document = new ImportDocument([.. report.Entries.Select(ImportedDocument.Of)], taken.Length, report.Entries.Count - taken.Length, report.ArchiveBytes);
            Stdio.Print(JsonText.Line(document, JsonOutput.Default.ImportDocument));
            return;
        }
        foreach (var entry in taken)
            Stdio.Print(entry.CacheKey);
        if (!settings.Quiet)
        {
            Stdio.Note($"dscache: imported {Display.Count(taken.Length)} {(taken.Length == 1 ? "entry" : "entries")}, {Display.Count(taken.Sum(entry => entry.Files))} files, {Display.Size(taken.Sum(entry => entry.Bytes))}"
                + (report.Entries.Count > taken.Length ? $"; {Display.Count(report.Entries.Count - taken.Length)} had been here before." : "."));
        }
    }
}

/// <summary>What <c>import --json</c> prints. Sizes are bytes.</summary>
internal sealed record ImportDocument(IReadOnlyList<ImportedDocument> Entries, int Imported, int Present, long ArchiveBytes);

/// <summary>Outcome is <c>imported</c> or <c>present</c>.</summary>
internal sealed record ImportedDocument(string CacheKey, string Outcome, long Files, long Bytes, long LinkedBytes)
{
    public static ImportedDocument Of(ImportedEntry entry) => new(entry.CacheKey, entry.WasThere ? "present" : "imported", entry.Files, entry.Bytes, entry.LinkedBytes);
}
