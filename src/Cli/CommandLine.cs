using System.CommandLine;
using System.CommandLine.Parsing;
using DatasetCache.Cli.Acquiring;
using DatasetCache.Cli.Checking;
using DatasetCache.Cli.Completing;
using DatasetCache.Cli.Diagnosis;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Keeping;
using DatasetCache.Cli.Moving;
using DatasetCache.Cli.Nodes;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Prefetching;
using DatasetCache.Cli.Running;
using DatasetCache.Cli.Setup;
using DatasetCache.Eviction;

namespace DatasetCache.Cli;

/// <summary>The commands of dscache, and what every one of them shares: help, errors, exit codes.</summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] args)
    {
        var session = new Session(Environment.GetEnvironmentVariable, TimeProvider.System);
        if (args is [CompletionCommand.Hidden, .. var words])
            return CompletionCommand.Complete(CreateRoot(session, words, child: null), session, words);
        var (own, child) = SplitAtDashes(args);
        session.Json = own.Contains("--json", StringComparer.Ordinal);
        try
        {
            if (args is ["serve", .. var forServer])
                return ServeCommand.Become(forServer);
            var parse = CreateRoot(session, own, child).Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parse.Errors.Count > 0 && parse.Action is not { ClearsParseErrors: true })
                return UsageError(parse).Write(session.Json);
            return await parse.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                // Signals are ours: see Interruption and SignalForwarder.
                ProcessTerminationTimeout = null,
                Output = Stdio.Out,
                Error = Stdio.Error,
            });
        }
        catch (Exception exception)
        {
            return ErrorReport.Of(exception).Write(session.Json);
        }
    }

    // The child's command line is not ours to parse: its options would be taken for dscache's.
    private static (string[] Own, string[]? Child) SplitAtDashes(string[] args)
    {
        var dashes = args is ["run", ..] ? Array.IndexOf(args, "--") : -1;
        return dashes < 0 ? (args, null) : (args[..dashes], args[(dashes + 1)..]);
    }

    // Only the command that is called gets its options: building them all would double the start of the process.
    private static RootCommand CreateRoot(Session session, string[] args, string[]? child)
    {
        var root = new RootCommand("Gets a dataset version once and hands every job of this host a local, read-only directory.");
        root.Directives.Clear();
        var called = args.FirstOrDefault(argument => !argument.StartsWith('-'));
        foreach (var (name, description, create) in Commands(session, child))
            root.Add(string.Equals(name, called, StringComparison.Ordinal) ? create(new Command(name, description)) : new Command(name, description));
        HelpText.Install(root);
        return root;
    }

    private static IEnumerable<(string Name, string Description, Func<Command, Command> Create)> Commands(Session session, string[]? child) =>
    [
        ("get", "Get a dataset version once, and link it into a job's directory.", command => GetCommand.Define(command, session)),
        ("run", "Get a dataset version, run a command with it, and let go when the command ends.", command => RunCommand.Define(command, session, child)),
        ("prefetch", "Get datasets, from a list too, before anybody asks for them.", command => PrefetchCommand.Define(command, session)),
        ("warm", "The same as prefetch.", command => PrefetchCommand.Define(command, session)),
        ("release", "Remove a job's link: the dataset is no longer protected by it.", command => ReleaseCommand.Define(command, session)),
        ("ls", "List what the cache holds.", command => LsCommand.Define(command, session)),
        ("list", "The same as ls.", command => LsCommand.Define(command, session)),
        ("inspect", "Show everything about one entry of the cache.", command => InspectCommand.Define(command, session)),
        ("explain", "Say why an entry is kept, and when it could go.", command => ExplainCommand.Define(command, session)),
        ("du", "Show what takes how much of the quota and of the disk.", command => DiskUseCommand.Define(command, session)),
        ("limits", "Show or change what this host's node may take for transfers with others.", command => LimitsCommand.Define(command, session)),
        ("serve", "Serve this host's cache by HTTP, with pages: a daemon without a cluster.", command => ServeCommand.Define(command)),
        ("token", "Make a token for a node's HTTP API and pages.", command => TokenCommand.Define(command, session)),
        ("status", "Show the node of this host, and what it is doing.", command => StatusCommand.Define(command, session)),
        ("stats", "Show hits, misses and bytes saved, by day and by key.", command => StatisticsCommand.Define(command, session)),
        ("pin", "Keep entries until unpin, whatever the need.", command => PinCommand.Define(command, session, pin: true)),
        ("unpin", "End pins and holds.", command => PinCommand.Define(command, session, pin: false)),
        ("rm", "Evict entries by name, unless something protects them.", command => RemoveCommand.Define(command, session)),
        ("prune", "Evict what is old, expired or orphaned, or all that nothing protects.", command => PruneCommand.Define(command, session)),
        ("clear", "The same as prune --all.", command => PruneCommand.Define(command, session, new PruneFilter { All = true })),
        ("cleanup", "The same as prune --expired.", command => PruneCommand.Define(command, session, new PruneFilter { Expired = true })),
        ("verify", "Look for what is broken in entries, and heal it from the origin.", command => VerifyCommand.Define(command, session)),
        ("scrub", "Read as much of the cache as is due, for a timer or as a service; heal what is broken.", command => ScrubCommand.Define(command, session)),
        ("export", "Write entries into a tar, for a host without network.", command => ExportCommand.Define(command, session)),
        ("import", "Take entries out of what export wrote; every byte is checked.", command => ImportCommand.Define(command, session)),
        ("config", "Show the settings and where each comes from, and change them.", command => ConfigCommand.Define(command, session)),
        ("completion", "Print a script that completes commands, options and keys in a shell.", command => CompletionCommand.Define(command)),
        ("doctor", "Check credentials, origin, clock, disk and permissions, and say what to do.", command => DoctorCommand.Define(command, session)),
    ];

    private static ErrorReport UsageError(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var words = string.Join(' ', HelpText.Path(command));
        // "Required command was not provided" beside "Unrecognized command" would be said for nothing.
        var messages = parse.Errors.Where(error => parse.UnmatchedTokens.Count == 0 || error.SymbolResult is not CommandResult { Command.Subcommands.Count: > 0 })
            .Select(error => error.Message).Distinct(StringComparer.Ordinal).ToArray();
        var suggestion = parse.Tokens.Select(token => token.Value)
            .Where(word => parse.UnmatchedTokens.Contains(word, StringComparer.Ordinal) || word.StartsWith('-'))
            .Select(word => Known(command).Contains(word, StringComparer.Ordinal) ? null : Suggestion.Nearest(word, Known(command)))
            .FirstOrDefault(known => known is not null);
        return ErrorReport.Usage(
            messages.Length == 0 ? $"There is no command '{parse.UnmatchedTokens[0]}'." : string.Join(' ', messages),
            suggestion is null ? $"'{words} --help' tells more." : $"Did you mean '{suggestion}'? '{words} --help' tells more.");
    }

    private static IEnumerable<string> Known(Command command) =>
        command.Subcommands.Select(sub => sub.Name).Concat(command.Options.SelectMany(option => option.Aliases.Append(option.Name)));
}
