using System.CommandLine;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Eviction;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache rm KEY…</c>: evicts entries by name, unless something protects them.</summary>
internal static class RemoveCommand
{
    public static Command Define(Command command, Session session)
    {
        var keys = new Argument<string[]>("KEY") { Description = "Cache keys as ls prints them, or beginnings of them.", Arity = ArgumentArity.OneOrMore };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only show what would go." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        command.Add(keys.RefuseOptions());
        command.Add(dryRun);
        command.Add(yes);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, cancellationToken)
            => RunAsync(session, session.LoadSettings(parse, flags), parse.GetRequiredValue(keys), parse.GetValue(dryRun), parse.GetValue(yes), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string[] keys, bool dryRun, bool yes, CancellationToken cancellationToken)
    {
        await using var cache = session.OpenCache(settings);
        keys = CacheKeys.Resolve(settings.Cache.Root, keys);
        if (!dryRun && !yes && !Document(await EvictAsync(cache, keys, dryRun: true, cancellationToken), dryRun: true).IsConfirmed())
            return ExitCode.Ok;
        var results = await EvictAsync(cache, keys, dryRun, cancellationToken);
        Document(results, dryRun).Write(settings.Json, settings.Quiet);
        return results.Exists(result => result.Outcome == EvictionOutcome.NotFound) ? ExitCode.NotFound
            : results.Exists(result => result.Outcome == EvictionOutcome.Protected) ? ExitCode.LockTimeout
            : ExitCode.Ok;
    }

    private static async Task<List<EvictionResult>> EvictAsync(LocalDatasetCache cache, string[] keys, bool dryRun, CancellationToken cancellationToken)
    {
        var results = new List<EvictionResult>();
        foreach (var key in keys)
            results.Add(await cache.EvictAsync(key, dryRun, cancellationToken));
        return results;
    }

    private static PruneDocument Document(List<EvictionResult> results, bool dryRun)
        => new(dryRun, [.. results.Select(EvictedDocument.Of)], results.Sum(result => result.FreedBytes), 0);
}
