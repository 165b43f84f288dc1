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
        "set" => """
            Examples:
              dscache config set cache.maxSize 200GB
              dscache config set include '*.jpg;train/**' --file ./dscache.json
              printf %s "$SECRET" | dscache config set origin.secretKey -

            Comments in the file stay. A file that holds a secret gets mode 0600.

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
        "ls" or "inspect" => """
            Sizes count in thousands: 1 kB is 1,000 bytes, 1 GB is 10^9.

            """,
        _ => "",
    };

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
            generated.Invoke(parseResult);
            var command = parseResult.CommandResult.Command;
            var output = parseResult.InvocationConfiguration.Output;
            output.Write(Examples(command.Name));
            output.Write(MoreFlags(command));
            if (command is RootCommand || command.Name is "get" or "run")
                output.Write(ExitCodes());
            return ExitCode.Ok;
        }
    }
}
