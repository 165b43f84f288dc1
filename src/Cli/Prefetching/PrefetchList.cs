using System.CommandLine;
using DatasetCache.Cli.Acquiring;
using DatasetCache.Cli.Keeping;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Datasets;

namespace DatasetCache.Cli.Prefetching;

/// <summary>A dataset to prefetch, and where it was named: <paramref name="Line"/> of a list, or null for the command line.</summary>
internal sealed record PrefetchItem(string Source, int? Line, AcquireRequest Request);

/// <summary>A list of datasets, one per line in the words that <c>get</c> takes. It is read whole, and every bad line is told, before anything is fetched.</summary>
internal sealed class PrefetchList
{
    private readonly Argument<string> source = new("SOURCE");
    private readonly Option<string?> dataset = new("--dataset");
    private readonly Option<string?> hash = new("--hash");
    private readonly Option<string?> hold = new("--hold");
    private readonly SettingFlags flags = SettingFlags.Only(
        SettingTable.OriginUrl, SettingTable.Select, SettingTable.Include, SettingTable.Exclude, SettingTable.AllowMissing, SettingTable.FreshnessRefresh);

    // Such a name can be in no list.
    private readonly Command line = new("\0");
    private readonly IReadOnlyDictionary<string, string> given;
    private readonly AcquireRequest common;
    private readonly Session session;

    /// <param name="given">Settings that stand on the command line: what every line has that says nothing else.</param>
    /// <param name="common">What every request has that its line does not say; of its dataset only the id counts.</param>
    public PrefetchList(Session session, IReadOnlyDictionary<string, string> given, AcquireRequest common)
    {
        (this.session, this.given, this.common) = (session, given, common);
        line.Add(source.RefuseOptions());
        line.Add(dataset);
        line.Add(hash);
        line.Add(hold);
        flags.AddTo(line);
    }

    /// <param name="file">A path, or <c>-</c> for standard input.</param>
    /// <exception cref="InvalidRequestException">The list cannot be read, or lines of it make no sense.</exception>
    public IReadOnlyList<PrefetchItem> Read(string file)
    {
        var name = string.Equals(file, "-", StringComparison.Ordinal) ? "standard input" : file;
        var items = new List<PrefetchItem>();
        var errors = new List<string>();
        var number = 0;
        foreach (var text in Lines(file))
        {
            number++;
            try
            {
                if (ListWords.Split(text) is { Count: > 0 } words)
                    items.Add(Parse(words, number));
            }
            catch (FormatException e)
            {
                errors.Add($"line {number}: {e.Message}");
            }
            catch (DatasetCacheException e)
            {
                errors.Add($"line {number}: {e.Message}{(e.Advice is null ? "" : " " + e.Advice)}");
            }
        }
        if (errors.Count == 0)
            return items;
        throw new InvalidRequestException(
            errors.Count == 1 ? $"{name}, {errors[0]}" : $"{errors.Count} lines of {name} are wrong:\n- {string.Join("\n- ", errors)}",
            "Nothing was fetched. A line is a SOURCE as get takes it, with --dataset, --hash, --origin, --select, --include, --exclude, --allow-missing, --refresh or --hold.");
    }

    private static IEnumerable<string> Lines(string file)
    {
        if (!string.Equals(file, "-", StringComparison.Ordinal) && !File.Exists(file))
            throw new InvalidRequestException($"--from names '{file}', and there is no such file.", "Name a list with one dataset per line, or '-' for standard input.");
        using var reader = string.Equals(file, "-", StringComparison.Ordinal) ? new StreamReader(Console.OpenStandardInput()) : new StreamReader(file);
        while (reader.ReadLine() is { } text)
            yield return text;
    }

    private PrefetchItem Parse(IReadOnlyList<string> words, int number)
    {
        var parse = line.Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            var known = line.Options.Select(option => option.Name).ToArray();
            var meant = words.Where(word => word.StartsWith('-') && !known.Contains(word, StringComparer.Ordinal)).Select(word => Suggestion.Nearest(word, known)).FirstOrDefault(found => found is not null);
            throw new InvalidRequestException(string.Join(' ', parse.Errors.Select(error => error.Message).Distinct(StringComparer.Ordinal)), meant is null ? null : $"Did you mean '{meant}'?");
        }
        var own = flags.Read(parse);
        // A job's environment describes its own dataset, and no line of a list.
        var reference = SourceArgument.Resolve(
            parse.GetRequiredValue(source), parse.GetValue(dataset) ?? DatasetOf(parse.GetRequiredValue(source)), parse.GetValue(hash), own.GetValueOrDefault(SettingTable.OriginUrl), _ => null);
        return Item(session, parse.GetRequiredValue(source), number, reference, own, given, common with { Hold = PruneCommand.Age(parse.GetValue(hold)) ?? common.Hold });
    }

    // The command line's --dataset is for the lines that name a snapshot alone.
    private string? DatasetOf(string text) => SourceArgument.IsDataset(text, dataset: null) ? null : common.Dataset.DatasetId;

    /// <summary>Checks all that can be checked without an origin.</summary>
    public static PrefetchItem Item(
        Session session, string text, int? number, DatasetRef reference, IReadOnlyDictionary<string, string> own, IReadOnlyDictionary<string, string> given, AcquireRequest common)
    {
        var all = new Dictionary<string, string>(given, StringComparer.Ordinal);
        foreach (var (name, value) in own)
            all[name] = value;
        var settings = Settings.Load(all, session.Variable, Settings.ConfigFiles(session.Variable));
        reference = reference with { Selection = settings.Selection };
        DatasetIdentity.Create("any", "", reference, reference.SnapshotId is null ? new string('0', 64) : null);
        return new PrefetchItem(text, number, common with { Dataset = reference, AllowMissing = settings.AllowMissing, Refresh = settings.Refresh });
    }
}
