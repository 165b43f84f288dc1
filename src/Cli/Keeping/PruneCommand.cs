using System.CommandLine;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Eviction;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache prune</c>, and its aliases <c>clear</c> (everything) and <c>cleanup</c> (what expired).</summary>
internal static class PruneCommand
{
    /// <param name="preset">The filter of an alias; null where options say it.</param>
    public static Command Define(Command command, Session session, PruneFilter? preset = null)
    {
        var olderThan = new Option<string?>("--older-than") { HelpName = "AGE", Description = "Entries not used for so long, for example 30d." };
        var expired = new Option<bool>("--expired") { Description = "Entries whose time to live has passed (eviction.baseTtl, prolonged by use)." };
        var orphaned = new Option<bool>("--orphaned") { Description = "What belongs to no entry: downloads that nobody resumed, quarantined trees, records of links that are gone." };
        var all = new Option<bool>("--all") { Description = "Every entry that nothing protects, and what is orphaned." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only show what would go." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        if (preset is null)
        {
            command.Add(olderThan);
            command.Add(expired);
            command.Add(orphaned);
            command.Add(all);
        }
        command.Add(dryRun);
        command.Add(yes);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            var settings = session.LoadSettings(parse, flags);
            var filter = preset ?? new PruneFilter { OlderThan = Age(parse.GetValue(olderThan)), Expired = parse.GetValue(expired), Orphaned = parse.GetValue(orphaned), All = parse.GetValue(all) };
            if (filter == new PruneFilter())
                throw new InvalidRequestException("Nothing says what to prune.", "Say --older-than AGE, --expired, --orphaned or --all.");
            return RunAsync(session, settings, filter, parse.GetValue(dryRun), parse.GetValue(yes), cancellationToken);
        });
        return command;
    }

    public static TimeSpan? Age(string? text)
    {
        if (text is null)
            return null;
        return Quantity.TryParseDuration(text, out var age) ? age : throw new InvalidRequestException($"'{text}' is no duration.", "Write it as 12h or 30d.");
    }

    private static async Task<int> RunAsync(Session session, Settings settings, PruneFilter filter, bool dryRun, bool yes, CancellationToken cancellationToken)
    {
        await using var cache = session.OpenCache(settings);
        if (!dryRun && !yes && !Document(await cache.PruneAsync(filter, dryRun: true, cancellationToken), dryRun: true).IsConfirmed())
            return ExitCode.Ok;
        Document(await cache.PruneAsync(filter, dryRun, cancellationToken), dryRun).Write(settings.Json, settings.Quiet);
        return ExitCode.Ok;
    }

    private static PruneDocument Document(PruneReport report, bool dryRun)
        => new(dryRun, [.. report.Evicted.Concat(report.Kept).Select(EvictedDocument.Of)], report.FreedBytes, report.Orphans);
}
