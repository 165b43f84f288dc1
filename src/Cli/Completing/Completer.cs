using System.CommandLine;
using System.CommandLine.Completions;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Completing;

/// <summary>
/// What could stand in the place of the last word: commands, options, the words that an option may have, cache keys. It never fails and makes no cache where
/// there is none.
/// </summary>
internal sealed class Completer(Command root, Session session)
{
    /// <summary>Told to the shell: complete names of files itself.</summary>
    public const string Files = ":files";

    /// <summary>Told to the shell: complete names of folders itself.</summary>
    public const string Folders = ":dirs";

    /// <param name="words">What stands behind <c>dscache</c>; the last is the one to complete, perhaps empty.</param>
    /// <returns>Each with its description behind a tab where there is one.</returns>
    public IEnumerable<string> Complete(IReadOnlyList<string> words)
    {
        if (words.Take(words.Count - 1).Contains("--", StringComparer.Ordinal))
            return [Files];
        var joined = Join(words, out var bare);
        var current = joined[^1];
        var equals = current.StartsWith("--", StringComparison.Ordinal) ? current.IndexOf('=', StringComparison.Ordinal) : -1;
        var prefix = equals < 0 ? current : current[(equals + 1)..];
        var head = equals < 0 || bare ? "" : current[..(equals + 1)];
        return Candidates(joined, equals < 0 ? null : current[..equals])
            .Where(candidate => candidate is Files or Folders || candidate.StartsWith(prefix, StringComparison.Ordinal))
            .Select(candidate => candidate is Files or Folders ? candidate : head + candidate);
    }

    // bash takes --select=au apart, into three words: what it wants back is the last of them.
    private static List<string> Join(IReadOnlyList<string> words, out bool bare)
    {
        var joined = new List<string>();
        bare = false;
        for (var i = 0; i < words.Count; i++)
        {
            bare = false;
            if (words[i] is "=" && joined.Count > 0 && joined[^1].StartsWith("--", StringComparison.Ordinal))
            {
                joined[^1] += "=" + (i + 1 < words.Count ? words[++i] : "");
                bare = true;
            }
            else
                joined.Add(words[i]);
        }
        if (joined.Count == 0)
            joined.Add("");
        return joined;
    }

    private IEnumerable<string> Candidates(List<string> words, string? assigned)
    {
        var command = root;
        var positional = new List<string>();
        Option? waiting = null;
        foreach (var word in words.Take(words.Count - 1))
        {
            if (waiting is not null)
                waiting = null;
            else if (word.StartsWith('-'))
                waiting = Find(command, word) is { } option && TakesValue(option) ? option : null;
            else if (positional.Count == 0 && command.Subcommands.FirstOrDefault(sub => string.Equals(sub.Name, word, StringComparison.Ordinal)) is { } sub)
                command = sub;
            else
                positional.Add(word);
        }
        if (assigned is not null)
            waiting = Find(command, assigned);
        if (waiting is not null)
            return ValuesOf(waiting);
        if (words[^1].StartsWith('-'))
            return Options(command, words);
        return command.Subcommands.Where(sub => !sub.Hidden).Select(sub => Described(sub.Name, sub.Description)).Concat(ValuesOf(command, positional, words));
    }

    private static Option? Find(Command command, string word)
        => Known(command).FirstOrDefault(option => string.Equals(option.Name, word, StringComparison.Ordinal) || option.Aliases.Contains(word));

    private static IEnumerable<Option> Known(Command command)
        => command.Options.Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive)));

    private static bool TakesValue(Option option) => option.ValueType != typeof(bool) && option.Arity.MaximumNumberOfValues > 0;

    // Every setting is an option of most commands: those that its help does not show come once somebody has begun to type one.
    private static IEnumerable<string> Options(Command command, List<string> words)
        => Known(command).Where(option => (!option.Hidden || words[^1].Length > 2) && (option.Arity.MaximumNumberOfValues > 1 || !words.Contains(option.Name, StringComparer.Ordinal)))
            .Select(option => Described(option.Name, option.Description)).Order(StringComparer.Ordinal);

    private static IEnumerable<string> ValuesOf(Option option)
    {
        var words = option.CompletionSources.SelectMany(source => source(CompletionContext.Empty)).Select(item => item.Label).ToArray();
        var place = option.HelpName ?? "";
        return words.Length > 0 ? words
            : place.Contains("FILE", StringComparison.Ordinal) ? [Files]
            : place.Contains("DIR", StringComparison.Ordinal) || place.Contains("FOLDER", StringComparison.Ordinal) || place.Contains("ROOT", StringComparison.Ordinal) ? [Folders]
            : [];
    }

    private IEnumerable<string> ValuesOf(Command command, List<string> positional, List<string> words)
    {
        var argument = positional.Count < command.Arguments.Count ? command.Arguments[positional.Count]
            : command.Arguments.LastOrDefault() is { Arity.MaximumNumberOfValues: > 1 } last ? last
            : null;
        return argument?.Name switch
        {
            "KEY" => Keys(words).Except(positional, StringComparer.Ordinal),
            "SETTING" => SettingTable.All.Select(setting => Described(setting.Name, setting.Description)),
            "VALUE" => SettingTable.Find(positional[0])?.Choices ?? [],
            "SHELL" => CompletionCommand.Shells,
            "SOURCE" or "JOB_DIR" => [Folders],
            "FILE" => [Files],
            _ => [],
        };
    }

    private IReadOnlyList<string> Keys(List<string> words)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < words.Count - 1; i++)
        {
            if (words[i] is "--root" && i + 1 < words.Count - 1)
                given[SettingTable.CacheRoot] = words[i + 1];
            else if (words[i].StartsWith("--root=", StringComparison.Ordinal))
                given[SettingTable.CacheRoot] = words[i][7..];
        }
        return LocalDatasetCache.KeysAt(Settings.Load(given, session.Variable, Settings.ConfigFiles(session.Variable)).Cache.Root);
    }

    private static string Described(string name, string? description) => string.IsNullOrEmpty(description) ? name : $"{name}\t{description.ReplaceLineEndings(" ")}";
}
