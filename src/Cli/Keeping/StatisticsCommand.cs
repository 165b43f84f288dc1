using System.CommandLine;
using System.Globalization;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Statistics;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache stats</c>: what the cache did, by day and by key.</summary>
internal static class StatisticsCommand
{
    private const int DefaultDays = 30;
    private const int DefaultTop = 5;

    public static Command Define(Command command, Session session)
    {
        var days = new Option<int?>("--days") { HelpName = "N", Description = $"So many days, today (UTC) included. Default: {DefaultDays}." };
        var since = new Option<string?>("--since") { HelpName = "DAY", Description = "From this day on (UTC), for example 2026-11-01." };
        var top = new Option<int?>("--top") { HelpName = "N", Description = $"How many cache keys to list, the most used first. Default: {DefaultTop}." };
        command.Add(days);
        command.Add(since);
        command.Add(top);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) =>
        {
            var settings = session.LoadSettings(parse, flags);
            var today = DateOnly.FromDateTime(session.Time.GetUtcNow().UtcDateTime);
            var keys = parse.GetValue(top) ?? DefaultTop;
            if (keys < 0)
                throw new InvalidRequestException($"--top is {keys}.", "Say how many keys to list, 0 for none.");
            return RunAsync(session, settings, First(today, parse.GetValue(days), parse.GetValue(since)), today, keys);
        });
        return command;
    }

    /// <exception cref="InvalidRequestException">The two contradict each other, or name no day.</exception>
    private static DateOnly First(DateOnly today, int? days, string? since)
    {
        if (days is not null && since is not null)
            throw new InvalidRequestException("--days and --since both say where to begin.", "Leave one of them out.");
        if (since is not null)
        {
            return DateOnly.TryParseExact(since, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
                ? day
                : throw new InvalidRequestException($"--since is '{since}', which is no day.", "Write it as 2026-11-01.");
        }
        if (days < 1)
            throw new InvalidRequestException($"--days is {days}.", "Say how many days, 1 for today alone.");
        return today.AddDays(1 - Math.Min(days ?? DefaultDays, today.DayNumber));
    }

    private static async Task<int> RunAsync(Session session, Settings settings, DateOnly from, DateOnly to, int top)
    {
        await using var cache = session.OpenCache(settings);
        var read = cache.Statistics(from, to);
        var entries = read.Entries.Where(entry => entry.Tally.Requests > 0).Take(top).ToArray();
        if (settings.Json)
        {
            Stdio.Print(JsonText.Pretty(
                new StatisticsDocument(Day(from), Day(to), TallyDocument.Of(read.Total), [.. read.Days.Select(day => new DayDocument(Day(day.Day), TallyDocument.Of(day.Tally)))],
                    [.. entries.Select(entry => new EntryTallyDocument(entry.CacheKey, TallyDocument.Of(entry.Tally)))]),
                JsonOutput.Default.StatisticsDocument));
            return ExitCode.Ok;
        }
        if (read.Days.Count == 0)
        {
            Stdio.Note($"dscache: nothing happened in {settings.Cache.Root} from {Day(from)} to {Day(to)} (UTC).");
            return ExitCode.Ok;
        }
        var table = new TextTable("DAY (UTC)", "HITS", "MISSES", "HIT RATE", "SERVED", "FROM ORIGIN", "SAVED", "FAILED", "EVICTED", "FREED") { RightAligned = [1, 2, 3, 4, 5, 6, 7, 8, 9] };
        foreach (var day in read.Days)
            Add(table, Day(day.Day), day.Tally);
        if (read.Days.Count > 1)
            Add(table, "total", read.Total);
        table.Write(Stdio.Out);
        if (entries.Length == 0)
            return ExitCode.Ok;
        Stdio.Print("");
        var keys = new TextTable("KEY", "HITS", "MISSES", "SERVED", "SAVED") { RightAligned = [1, 2, 3, 4] };
        foreach (var (key, tally) in entries)
            keys.Add(key, Display.Count(tally.Hits), Display.Count(tally.Misses), Display.Size(tally.BytesServed), Display.Size(tally.BytesSaved));
        keys.Write(Stdio.Out);
        return ExitCode.Ok;
    }

    private static void Add(TextTable table, string name, in UsageTally tally) => table.Add(
        name, Display.Count(tally.Hits), Display.Count(tally.Misses), tally.HitRate is { } rate ? (rate * 100).ToString("0", CultureInfo.InvariantCulture) + "%" : "-",
        Display.Size(tally.BytesServed), Display.Size(tally.BytesFromOrigin), Display.Size(tally.BytesSaved), Display.Count(tally.Failures), Display.Count(tally.Evictions),
        Display.Size(tally.BytesEvicted));

    private static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}

/// <summary>What <c>stats --json</c> prints. Days on which nothing happened are left out; <c>entries</c> are the most used keys.</summary>
internal sealed record StatisticsDocument(string From, string To, TallyDocument Total, IReadOnlyList<DayDocument> Days, IReadOnlyList<EntryTallyDocument> Entries);

internal sealed record DayDocument(string Day, TallyDocument Tally);

internal sealed record EntryTallyDocument(string CacheKey, TallyDocument Tally);

/// <summary>As <see cref="UsageTally"/>.</summary>
internal sealed record TallyDocument(
    long Hits, long Misses, double? HitRate, long Failures, long BytesServed, long BytesFromOrigin, long BytesSaved, long Evictions, long BytesEvicted)
{
    public static TallyDocument Of(in UsageTally tally) => new(
        tally.Hits, tally.Misses, tally.HitRate is { } rate ? Math.Round(rate, 4) : null, tally.Failures, tally.BytesServed, tally.BytesFromOrigin, tally.BytesSaved,
        tally.Evictions, tally.BytesEvicted);
}
