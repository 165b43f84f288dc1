using System.CommandLine;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache pin KEY…</c> and <c>dscache unpin KEY…</c>.</summary>
internal static class PinCommand
{
    public static Command Define(Command command, Session session, bool pin)
    {
        var keys = new Argument<string[]>("KEY") { Description = "Cache keys as ls prints them, or beginnings of them.", Arity = ArgumentArity.OneOrMore };
        command.Add(keys.RefuseOptions());
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetRequiredValue(keys), pin));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string[] keys, bool pin)
    {
        await using var cache = session.OpenCache(settings);
        keys = CacheKeys.Resolve(settings.Cache.Root, keys);
        var changed = keys.Where(key => pin ? cache.Pin(key) : cache.Unpin(key)).ToArray();
        if (settings.Json)
            Stdio.Print(JsonText.Line(pin ? new PinDocument(changed, []) : new PinDocument([], changed), JsonOutput.Default.PinDocument));
        else if (!settings.Quiet)
        {
            foreach (var key in keys)
                Stdio.Note($"dscache: {key} is {(pin ? "pinned: it stays until 'dscache unpin'" : changed.Contains(key, StringComparer.Ordinal) ? "no longer pinned or held" : "not pinned and not held: nothing to do")}.");
        }
        return ExitCode.Ok;
    }
}
