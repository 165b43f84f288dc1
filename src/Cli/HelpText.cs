using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Text;
using DatasetCache.Configuration;

namespace DatasetCache.Cli;

/// <summary>What stands below the generated help: examples, more flags, exit codes.</summary>
internal static class HelpText
{
    private const int Width = 100;

    public static void Install(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        // Without a terminal there is no width, and each description would be one long line.
        var generated = (HelpAction)help.Action!;
        generated.MaxWidth = Width;
        help.Action = new WithExamples(generated);
    }

    /// <summary><c>dscache</c>, <c>config</c>, <c>show</c>.</summary>
    public static IEnumerable<string> Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? Path(parent).Append(command.Name) : ["dscache"];

    private static string Examples(string command) => command switch
    {
        "get" => """
            Examples:
              dscache get snap_2b2fca921e88 --dataset ds_1 --hash 1bb25f37… --into /jobs/91
              dscache get s3://my-bucket/coco --into /jobs/91 --json
              dscache get ./photos --into /jobs/91 --select all --exclude '*.tmp'
              SNAPSHOT_ID=snap_2b2fca921e88 DATASET_ID=ds_1 dscache get --into "$PWD"

            The path of the job's dataset directory is all that goes to stdout.

            """,
        "run" => """
            Examples:
              dscache run snap_2b2fca921e88 --dataset ds_1 -- python train.py --epochs 10
              dscache run s3://my-bucket/coco --into /jobs/91 -- sh -c 'ls "$DATASET_PATH"'

            The command finds the data in DATASET_PATH (and DSCACHE_DATASET); its exit code is that of dscache, 128 + N where signal N ended it.
            With --json the report that get prints goes to stderr.

            """,
        "inspect" or "explain" => $"""
            Example:
              dscache {command} snap_2b2fca921e88_1bb25f37

            Sizes count in thousands: 1 kB is 1,000 bytes, 1 GB is 10^9.

            """,
        "du" => """
            Example:
              dscache du --json | jq .space.used

            ON DISK is what an entry is charged for: a file that several entries share is charged to the oldest of them.
            Sizes count in thousands: 1 kB is 1,000 bytes, 1 GB is 10^9.

            """,
        "pin" or "unpin" => $"""
            Example:
              dscache {command} snap_2b2fca921e88_1bb25f37

            A pin protects from eviction through restarts, until unpin; 'unpin' also ends what 'get --hold' holds.

            """,
        "rm" => """
            Examples:
              dscache rm snap_2b2fca921e88 --dry-run
              dscache rm snap_2b2fca921e88_1bb25f37 -y

            What something protects stays, and the exit code is 75; 'dscache explain KEY' says what does.

            """,
        "clear" or "cleanup" => $"""
            Examples:
              dscache {command} --dry-run
              dscache {command} -y

            What a running process, a job's link, a pin or a hold protects stays in any case.

            """,
        "config show" => """
            Example:
              dscache config show --json

            """,
        "doctor" => """
            Example:
              dscache doctor --origin s3://my-bucket

            """,
        "token new" => """
            Examples:
              dscache token new alice operator --file /etc/dscache/tokens
              dscache token new grafana reader

            A reader sees and acquires; an operator also pins, evicts, warms, clears, verifies and sets limits. The token is shown this once; api.tokens names the
            file, which holds its digest alone. A node that runs takes the new line at once; to end a token, remove its line.

            """,
        "limits" => """
            Examples:
              dscache limits
              dscache limits --upload 50MB --cpu 25     until the node ends
              dscache limits --upload 0

            """,
        "status" => """
            Examples:
              dscache status
              dscache status --json | jq .leases

            """,
        "release" => """
            Example:
              dscache release /jobs/91

            """,
        "prefetch" or "warm" => """
            Examples:
              dscache prefetch snap_1 snap_2 --dataset ds_1 --hold 24h
              dscache prefetch --from datasets.txt --jobs 4
              printf 'snap_1 --dataset ds_1\n' | dscache prefetch --from -

            A list has a dataset per line, in the words that get takes:
              # night shift
              snap_2b2fca921e88 --dataset ds_1 --hash 1bb25f37…
              s3://my-bucket/coco --select annotated --hold 12h

            Every line is checked before anything is fetched. The exit code is that of the worst failure: one that a retry does not mend, else the first.
            What one call fetches does not push out what it fetched before; once it has ended, --hold alone protects it.

            """,
        "prune" => """
            Examples:
              dscache prune --older-than 30d --dry-run
              dscache prune --expired --orphaned -y

            What a running process, a job's link, a pin or a hold protects stays in any case; 'dscache explain KEY' says what does.

            """,
        "config get" => """
            Example:
              dscache config get cache.root

            What is not set anywhere is exit code 78.

            """,
        "config set" => """
            Examples:
              dscache config set cache.maxSize 200GB
              dscache config set include '*.jpg;train/**' --file ./dscache.json
              printf %s "$SECRET" | dscache config set origin.secretKey -

            Comments in the file stay. A file that holds a secret gets mode 0600.

            """,
        "config unset" or "config path" => """
            Examples:
              dscache config unset cache.maxSize
              dscache config path --global

            """,
        "completion" => """
            In the shell's start file:
              source <(dscache completion bash)      # ~/.bashrc
              source <(dscache completion zsh)       # ~/.zshrc, after compinit
              dscache completion fish > ~/.config/fish/completions/dscache.fish

            """,
        "stats" => """
            Examples:
              dscache stats
              dscache stats --days 7 --json

            SERVED        bytes of the datasets that hits and misses handed out
            FROM ORIGIN   bytes read from the origin: failed downloads and prefetches are in it
            SAVED         bytes handed out that were not read from the origin for it: all of a hit, and what a miss found on this host
            EVICTED       entries that made room or were removed; FREED is what the disk got back
            A hit is a dataset that was ready, or that another call was downloading already. 'prefetch' counts as neither hit nor miss.
            Days are kept for 400 days, by everybody who uses this cache root; a process that is killed is not asked what it had read.

            """,
        "export" => """
            Examples:
              dscache export snap_2b2fca921e88_1bb25f37 -o snap.tar
              dscache export --all -o - | zstd > all.tar.zst

            The tar is not compressed: pipe it through zstd or the like, as pictures gain nothing. It holds each entry's facts, manifest with checksums,
            and files; a file that exported entries share goes once. A broken entry is not exported: the exit code is 65, and no import takes what there is.
            With -o - the report of --json goes to stderr.

            """,
        "import" => """
            Examples:
              dscache import snap.tar
              zstd -dc all.tar.zst | dscache import - --max-bytes 100GB

            Paths, sizes and every checksum are proven before an entry is ready; an entry that is here already is passed over. Of an archive that ends
            too early the whole entries are taken, and the exit code is 65. That the contents are the origin's only the sender can vouch for: import
            archives from whom you trust. Then 'dscache get … --offline' needs no network.

            """,
        "ls" or "list" => """
            Examples:
              dscache ls
              dscache ls --json | jq -r '.entries[].cacheKey'

            Sizes count in thousands: 1 kB is 1,000 bytes, 1 GB is 10^9.

            """,
        _ => "",
    };

    // What stands in no group is listed at the end of them: a new command is never lost.
    private static readonly (string Title, string[] Commands)[] Groups =
    [
        ("Get and use", ["get", "run", "prefetch", "warm", "release", "export", "import"]),
        ("Look", ["ls", "list", "inspect", "explain", "du", "status", "limits", "stats"]),
        ("Keep and clean", ["pin", "unpin", "rm", "prune", "clear", "cleanup", "verify", "scrub"]),
        ("Set up", ["serve", "token", "config", "doctor", "completion"]),
    ];

    private static string Overview(Command root)
    {
        const int column = 14;
        var text = new StringBuilder($"{root.Description}\n\nUsage:\n  dscache COMMAND [OPTIONS]\n");
        var others = root.Subcommands.Where(command => !Groups.Any(group => group.Commands.Contains(command.Name, StringComparer.Ordinal))).Select(command => command.Name);
        foreach (var (title, names) in Groups.Append(("More", [.. others])))
        {
            var commands = names.Select(name => root.Subcommands.FirstOrDefault(command => string.Equals(command.Name, name, StringComparison.Ordinal))).OfType<Command>().ToArray();
            if (commands.Length > 0)
                text.Append(CultureInfo.InvariantCulture, $"\n{title}:\n");
            foreach (var command in commands)
                text.Append("  ").Append(command.Name.PadRight(column - 3)).Append(' ').Append(command.Description).Append('\n');
        }
        return text.Append("""

            'dscache COMMAND --help' tells more of each, 'dscache --version' the version. With --json results are JSON on stdout and errors JSON on stderr.

            Examples:
              dscache get snap_2b2fca921e88 --dataset ds_1 --into /jobs/91
              dscache run s3://my-bucket/coco -- python train.py
              dscache doctor --origin s3://my-bucket


            """).ToString();
    }

    private static string MoreFlags(Command command)
    {
        if (command.Options.All(option => !option.Hidden))
            return "";
        var flags = string.Join(' ', SettingTable.All
            .Where(setting => setting.Flag is not null && command.Options.Any(option => option.Hidden && string.Equals(option.Name, setting.Flag, StringComparison.Ordinal)))
            .Select(setting => setting.Flag));
        return $"Every setting has a flag; 'dscache config show' lists them with their values. Also here:\n{Wrap(flags)}\n";
    }

    private static string ExitCodes()
    {
        var text = new StringBuilder("Exit codes (*: the same command may succeed later):\n");
        foreach (var (code, meaning, retry, when) in ExitCode.Table)
            text.Append(CultureInfo.InvariantCulture, $"  {code,3}{(retry ? '*' : ' ')} {meaning}{(when is null ? "" : $" (*{when})")}\n");
        return text.Append("  With 'run', any other code is the command's own.\n").ToString();
    }

    private static string Wrap(string words)
    {
        var text = new StringBuilder("  ");
        var column = 0;
        foreach (var word in words.Split(' '))
        {
            if (column + word.Length > Width)
            {
                text.Append("\n  ");
                column = 0;
            }
            text.Append(word).Append(' ');
            column += word.Length + 1;
        }
        return text.Append('\n').ToString();
    }

    private sealed class WithExamples(HelpAction generated) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var command = parseResult.CommandResult.Command;
            var output = parseResult.InvocationConfiguration.Output;
            if (command is RootCommand)
                output.Write(Overview(command));
            else
                generated.Invoke(parseResult);
            var name = string.Join(' ', Path(command).Skip(1));
            output.Write(Examples(name));
            output.Write(MoreFlags(command));
            if (command is RootCommand || name is "get" or "run" or "prefetch" or "warm")
                output.Write(ExitCodes());
            return ExitCode.Ok;
        }
    }
}
