using System.CommandLine;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Running;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Integrity;

namespace DatasetCache.Cli.Checking;

/// <summary><c>dscache verify [KEY…]</c>: looks for what is broken in entries, and has it healed.</summary>
internal static class VerifyCommand
{
    public static Command Define(Command command, Session session)
    {
        var keys = new Argument<string[]>("KEY") { Description = "Cache keys as ls prints them, or beginnings of them; all entries where none is named.", Arity = ArgumentArity.ZeroOrMore };
        var fast = new Option<bool>("--fast") { Description = "Names, kinds, sizes and modes alone: reads no data." };
        var full = new Option<bool>("--full") { Description = "Every piece, and every file against its origin's digest (MD5) where it has one." };
        var strict = new Option<bool>("--strict") { Description = "Do not heal: withdraw what is broken, and fail." };
        command.Add(keys.RefuseOptions());
        command.Add(fast);
        command.Add(full);
        command.Add(strict);
        command.Validators.Add(result =>
        {
            if (result.GetValue(fast) && result.GetValue(full))
                result.AddError("--fast and --full contradict each other.");
        });
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetValue(keys) ?? [],
            parse.GetValue(fast) ? VerifyLevel.Fast : parse.GetValue(full) ? VerifyLevel.Full : VerifyLevel.Pieces, !parse.GetValue(strict)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string[] keys, VerifyLevel level, bool heal)
    {
        using var interruption = new Interruption();
        await using var cache = session.OpenCache(settings);
        var named = keys.Length > 0;
        keys = CacheKeys.Resolve(settings.Cache.Root, keys);
        var progress = settings.Quiet || settings.Progress is "none" ? null : new CheckingProgress(session.Time);
        var options = new VerifyOptions { Level = level, Heal = heal, Progress = progress };
        var results = new List<VerifyResult>();
        try
        {
            foreach (var key in named ? keys : cache.List().Select(entry => entry.CacheKey))
            {
                // Gone meanwhile: nothing to be said of it.
                if (await cache.VerifyAsync(key, options, interruption.Token) is not { } result)
                    continue;
                results.Add(result);
                if (!settings.Json)
                    Write(result, settings.Quiet);
            }
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(settings.Json);
        }
        var document = VerifyDocument.Of(level, results);
        if (settings.Json)
            Stdio.Print(JsonText.Pretty(document, JsonOutput.Default.VerifyDocument));
        else if (!settings.Quiet)
            Stdio.Note($"dscache: {Display.Count(results.Count)} {(results.Count == 1 ? "entry" : "entries")}, {Display.Count(document.Files)} files, {Display.Size(document.BytesRead)} read; "
                + $"{Display.Count(document.Sound)} sound, {Display.Count(document.Healed)} healed, {Display.Count(document.Broken)} broken.");
        return results.TrueForAll(result => result.IsUsable) ? ExitCode.Ok : ExitCode.Integrity;
    }

    private static void Write(VerifyResult result, bool quiet)
    {
        if (result.Outcome != VerifyOutcome.Sound)
            BrokenEntry.Write(result);
        else if (!quiet)
            Stdio.Print($"{result.CacheKey}  sound");
        if (result.Found.Resealed > 0 && !quiet)
            Stdio.Note($"dscache: {result.CacheKey}: {Display.Count(result.Found.Resealed)} files or directories had been made writable and are sealed again; --full tells whether they were changed.");
    }
}
