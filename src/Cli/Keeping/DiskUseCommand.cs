using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache du</c>: what takes how much of the quota and of the disk.</summary>
internal static class DiskUseCommand
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
        var space = cache.Space();
        var entries = cache.List().OrderByDescending(entry => entry.OwnBytes).Select(entry => new EntryUsageDocument(entry.CacheKey, entry.OwnBytes, entry.Bytes, entry.Protections.Count > 0)).ToArray();
        if (settings.Json)
        {
            Stdio.Print(JsonText.Pretty(new DiskUseDocument(UsageDocument.Of(space), entries), JsonOutput.Default.DiskUseDocument));
            return ExitCode.Ok;
        }
        var table = new TextTable("ON DISK", "KEY", "SIZE", "PROTECTED") { RightAligned = [0, 2] };
        foreach (var entry in entries)
            table.Add(Display.Size(entry.ChargedBytes), entry.CacheKey, Display.Size(entry.Bytes), entry.Protected ? "yes" : "-");
        if (entries.Length > 0)
            table.Write(Stdio.Out);
        Stdio.Print($"{(entries.Length > 0 ? "\n" : "")}used {Display.Size(space.Used)} of {Display.Size(space.Quota)}: entries {Display.Size(space.Entries)}, reserved {Display.Size(space.Reserved)}, quarantined {Display.Size(space.Quarantined)}");
        Stdio.Print($"disk {Display.Size(space.DiskFree)} free, {Display.Size(space.MinFree)} must stay free");
        return ExitCode.Ok;
    }
}
