using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Entries;

/// <summary><c>dscache inspect KEY</c>: everything about one entry.</summary>
internal static class InspectCommand
{
    public static Command Define(Command command, Session session)
    {
        var key = new Argument<string>("KEY") { Description = "The entry's cache key as get --json and ls print it, or its beginning." };
        command.Add(key.RefuseOptions());
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetRequiredValue(key)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string key)
    {
        await using var cache = session.OpenCache(settings);
        key = CacheKeys.Resolve(settings.Cache.Root, key);
        var entry = EntryDocument.Of(cache.Inspect(key) ?? throw new DatasetNotFoundException($"The cache in {settings.Cache.Root} has no entry '{key}'.", "'dscache ls' lists the entries."));
        if (settings.Json)
            Stdio.Print(JsonText.Pretty(entry, JsonOutput.Default.EntryDocument));
        else
            Write(entry);
        return ExitCode.Ok;
    }

    private static void Write(EntryDocument entry)
    {
        Line("key", entry.CacheKey);
        Line("path", entry.Path);
        Line("source", entry.Source());
        Line("dataset", entry.DatasetId ?? "-");
        Line("snapshot", entry.SnapshotId ?? "- (whatever the origin lists)");
        Line("version hash", entry.VersionHash ?? "-");
        Line("selection", $"{entry.Selection} ({entry.SelectionReason})");
        Line("manifest", entry.ManifestDigest);
        Line("files", Display.Count(entry.Files) + (entry.MissingCount == 0 ? "" : $", and {Display.Count(entry.MissingCount)} that the annotations name are missing"));
        Line("size", $"{Display.Size(entry.Bytes)} ({Display.Count(entry.Bytes)} bytes), {Display.Size(entry.OwnBytes)} on disk that it is charged for");
        Line("published", Display.Time(entry.PublishedAt));
        Line("last used", $"{Display.Time(entry.LastUsedAt)}, {Display.Count(entry.Uses)} times in all");
        Line("expires", $"{Display.Time(entry.ExpiresAt)}, if nobody uses it again");
        if (entry.Priority is not "normal")
            Line("priority", entry.Priority);
        foreach (var holder in entry.Holders)
            Line("held by", holder.ToString());
        if (entry.IsLeased)
            Line("held by", "a running process");
        if (entry.IsPinned)
            Line("held by", "a pin");
        if (entry.Broken is not null)
            Line("broken", $"{entry.Broken}; nobody new gets it until `dscache verify {entry.CacheKey}` or the next get heals it");
        if (entry.ProtectedBy.Count == 0)
            Line("held by", "nobody: it may be evicted");
    }

    private static void Line(string name, string value) => Stdio.Print($"{name,-14}{value}");
}
