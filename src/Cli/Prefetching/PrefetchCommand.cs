using System.CommandLine;
using DatasetCache.Cli.Acquiring;
using DatasetCache.Cli.Keeping;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Datasets;

namespace DatasetCache.Cli.Prefetching;

/// <summary><c>dscache prefetch</c> (<c>warm</c>): datasets on disk before anybody asks for them.</summary>
internal static class PrefetchCommand
{
    private const int DefaultJobs = 2;
    private const int MostJobs = 64;

    public static Command Define(Command command, Session session)
    {
        var sources = new Argument<string[]>("SOURCE")
        {
            Description = "Snapshot ids (with --dataset), or datasets themselves: s3://bucket/prefix or folders. Left out, without --from: SNAPSHOT_ID from the environment.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var from = new Option<string?>("--from") { HelpName = "FILE", Description = "A list, '-' for standard input: a dataset per line, in the words that get takes; '#' begins a comment." };
        var dataset = new Option<string?>("--dataset") { HelpName = "DATASET_ID", Description = "The snapshots' dataset, for all that name no other." };
        var hash = new Option<string?>("--hash") { HelpName = "SHA256", Description = "The dataset version hash that the data must have; for one SOURCE alone." };
        var hold = new Option<string?>("--hold") { HelpName = "AGE", Description = "Protect what was fetched for so long, for example 24h: it is still there when the job starts. Left out: it may be evicted like any other." };
        var jobs = new Option<int?>("--jobs") { HelpName = "N", Description = $"Datasets at once, 1 to {MostJobs}. Default: {DefaultJobs}." };
        var failFast = new Option<bool>("--fail-fast") { Description = "Stop at the first that fails. Otherwise the others go on." };
        command.Add(sources.RefuseOptions());
        foreach (var option in new Option[] { from, dataset, hash, hold, jobs, failFast })
            command.Add(option);
        var flags = new SettingFlags(
            SettingTable.OriginUrl, SettingTable.Select, SettingTable.Include, SettingTable.Exclude, SettingTable.AllowMissing, SettingTable.CacheRoot, SettingTable.CacheSharedRoot, SettingTable.FreshnessRefresh,
            SettingTable.Json, SettingTable.Progress, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, _) =>
        {
            var settings = session.LoadSettings(parse, flags);
            var atOnce = parse.GetValue(jobs) ?? DefaultJobs;
            if (atOnce is < 1 or > MostJobs)
                throw new InvalidRequestException($"--jobs is {atOnce}: it must be 1 to {MostJobs}.");
            var common = new AcquireRequest
            {
                Dataset = new DatasetRef { DatasetId = parse.GetValue(dataset) },
                Hold = PruneCommand.Age(parse.GetValue(hold)),
                JobId = session.Variable("JOB_ID") is { Length: > 0 } job ? job : null,
                IsPrefetch = true,
            };
            var given = flags.Read(parse);
            var items = Named(session, parse.GetValue(sources) ?? [], parse.GetValue(from) is null, parse.GetValue(hash), given, common).ToList();
            if (parse.GetValue(from) is { } list)
                items.AddRange(new PrefetchList(session, given, common).Read(list));
            return new PrefetchRun(session, settings, items, atOnce, parse.GetValue(failFast)).RunAsync();
        });
        return command;
    }

    private static IEnumerable<PrefetchItem> Named(
        Session session, string[] sources, bool alone, string? hash, IReadOnlyDictionary<string, string> given, AcquireRequest common)
    {
        if (hash is not null && (sources.Length > 1 || !alone))
            throw new InvalidRequestException("--hash stands beside several datasets: a hash is that of one.", "Write a list (--from) with a --hash on each line.");
        // A job's environment describes one dataset: it stands in where nothing else is named.
        Func<string, string?> variable = sources.Length > 1 || !alone ? _ => null : session.Variable;
        foreach (var source in sources.Length == 0 && alone ? [null] : sources.AsEnumerable<string?>())
        {
            var reference = SourceArgument.Resolve(source, common.Dataset.DatasetId, hash, given.GetValueOrDefault(SettingTable.OriginUrl), variable);
            yield return PrefetchList.Item(session, source ?? reference.SnapshotId!, number: null, reference, new Dictionary<string, string>(StringComparer.Ordinal), given, common);
        }
    }
}
