using System.CommandLine;
using DatasetCache.Cli.Keeping;
using DatasetCache.Cli.Nodes;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Progress;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Acquiring;

/// <summary>What <c>get</c> and <c>run</c> are told about the dataset that they acquire.</summary>
internal sealed class AcquireArguments(Session session, bool intoRequired)
{
    private readonly Argument<string?> source = new("SOURCE")
    {
        Description = "A snapshot id (with --dataset), or a dataset itself: s3://bucket/prefix or a folder. Left out: SNAPSHOT_ID from the environment.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> dataset = new("--dataset") { HelpName = "DATASET_ID", Description = "The snapshot's dataset. Left out: DATASET_ID from the environment." };

    private readonly Option<string?> hash = new("--hash")
    {
        HelpName = "SHA256",
        Description = "The dataset version hash that the data must have. Left out: DATASET_VERSION_HASH from the environment, with a snapshot id.",
    };

    private readonly Option<string?> into = new("--into")
    {
        HelpName = "JOB_DIR",
        Description = "The job's directory; its entry 'dataset' becomes the link to the data and protects it." + (intoRequired ? " Left out, with --hold: no link is made." : " Left out: no link is made."),
    };

    private readonly Option<string?> hold = new("--hold")
    {
        HelpName = "AGE",
        Description = "Protect the dataset for so long, for example 24h: for a path that is used without a link.",
    };

    private readonly SettingFlags flags = new(
        SettingTable.OriginUrl, SettingTable.Select, SettingTable.Include, SettingTable.Exclude, SettingTable.AllowMissing, SettingTable.Link,
        SettingTable.CacheRoot, SettingTable.CacheSharedRoot, SettingTable.FreshnessTtl, SettingTable.FreshnessRefresh, SettingTable.FreshnessMaxStale, SettingTable.Offline, SettingTable.Strict, SettingTable.Json, SettingTable.Progress, SettingTable.Quiet);

    public void AddTo(Command command)
    {
        command.Add(source.RefuseOptions());
        command.Add(dataset);
        command.Add(hash);
        command.Add(into);
        if (intoRequired)
            command.Add(hold);
        flags.AddTo(command);
    }

    /// <exception cref="DatasetCacheException">The arguments or the settings make no sense.</exception>
    public AcquireCall Read(ParseResult parse)
    {
        var settings = session.LoadSettings(parse, flags);
        var origin = settings[SettingTable.OriginUrl];
        var onCommandLine = origin.Source.Origin == SettingOrigin.Flag ? origin.Value : null;
        var reference = SourceArgument.Resolve(parse.GetValue(source), parse.GetValue(dataset), parse.GetValue(hash), onCommandLine, session.Variable);
        if (parse.GetValue(into) is { Length: 0 })
            throw new InvalidRequestException("--into is empty.", "Name the job's directory.");
        var held = intoRequired ? PruneCommand.Age(parse.GetValue(hold)) : null;
        if (intoRequired && held is null && parse.GetValue(into) is null)
            throw new InvalidRequestException("Option '--into' is required.", "Name the job's directory, or use the path without a link and say how long with --hold 24h.");
        return new AcquireCall(session, settings, new AcquireRequest
        {
            Dataset = reference with { Selection = settings.Selection },
            JobDirectory = parse.GetValue(into) is { } directory ? Path.GetFullPath(directory) : null,
            Hold = held,
            Link = settings.Link,
            AllowMissing = settings.AllowMissing,
            Refresh = settings.Refresh,
            JobId = session.Variable("JOB_ID") is { Length: > 0 } job ? job : null,
        });
    }
}

/// <summary>A call that is ready to be made.</summary>
internal sealed record AcquireCall(Session Session, Settings Settings, AcquireRequest Request)
{
    public HostCache OpenCache() => HostCache.Open(Session, Settings);

    public async Task<DatasetLease> AcquireAsync(IDatasetCache cache, CancellationToken cancellationToken)
    {
        // Ended before anything else is written to stderr: a bar must not be drawn over an error.
        await using var progress = ProgressDisplay.Create(Settings.Progress, Settings.Quiet, Session.Time);
        var lease = await cache.AcquireAsync(Request, progress, cancellationToken);
        if (lease.StaleSince is { } since)
            Stdio.Note($"dscache: warning: the origin cannot be reached; this is what the dataset was at {Display.Time(since)} (--max-stale says how old it may be).");
        if (lease.Changes is { } changes && !Settings.Quiet)
            Stdio.Note($"dscache: updated: {changes.Added} files added, {changes.Changed} changed, {changes.Removed} removed since the version before.");
        return lease;
    }
}
