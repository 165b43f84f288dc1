using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Entries;

/// <summary><c>dscache ls</c>: what the cache holds, the latest used first.</summary>
internal static class LsCommand
{
    public static Command Define(Command command, Session session)
    {
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings)
    {
        await using var cache = session.OpenCache(settings);
        var entries = cache.List().Select(EntryDocument.Of).OrderByDescending(entry => entry.LastUsedAt).ToArray();
        if (settings.Json)
        {
            Stdio.Print(JsonText.Pretty(new EntryListDocument(entries, entries.Sum(entry => entry.Bytes), entries.Sum(entry => entry.OwnBytes)), JsonOutput.Default.EntryListDocument));
            return ExitCode.Ok;
        }
        if (entries.Length == 0)
        {
            Stdio.Note($"The cache in {settings.Cache.Root} is empty.");
            return ExitCode.Ok;
        }
        var table = new TextTable("KEY", "DATASET", "FILES", "SIZE", "LAST USED", "HELD BY") { RightAligned = [2, 3] };
        foreach (var entry in entries)
            table.Add(entry.CacheKey + (entry.Broken is null ? "" : " (broken)"), entry.Source(), Display.Count(entry.Files), Display.Size(entry.Bytes), Display.Time(entry.LastUsedAt), entry.HeldBy());
        table.Write(Stdio.Out);
        return ExitCode.Ok;
    }
}
