using DatasetCache.Configuration;

namespace DatasetCache.Http.Serving;

/// <summary>A node's command line: every setting that has a flag, <c>--name value</c> or <c>--name=value</c>.</summary>
internal sealed record NodeArguments(IReadOnlyDictionary<string, string> Engine, IReadOnlyDictionary<string, string> Node, bool WantsHelp)
{
    /// <param name="program">What the program is called in advice.</param>
    /// <param name="ofNode">The settings of <see cref="NodeSettingTable"/> that this program has.</param>
    /// <exception cref="InvalidRequestException">There is no such flag, or its value is missing.</exception>
    public static NodeArguments Parse(string program, IReadOnlyList<Setting> ofNode, IReadOnlyList<string> args)
    {
        var engine = new Dictionary<string, string>(StringComparer.Ordinal);
        var node = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            if (args[i] is "--help" or "-h" or "-?")
                return new NodeArguments(engine, node, WantsHelp: true);
            var parts = args[i].Split('=', 2);
            var own = ofNode.FirstOrDefault(setting => IsFlag(setting, parts[0]));
            var setting = own ?? Engines().FirstOrDefault(setting => IsFlag(setting, parts[0]))
                ?? throw new InvalidRequestException($"There is no flag '{parts[0]}'.", $"{program} --help shows all.");
            if (parts.Length == 1 && i + 1 == args.Count)
                throw new InvalidRequestException($"{parts[0]} needs a value.");
            (own is null ? engine : node)[setting.Name] = parts.Length == 2 ? parts[1] : args[++i];
        }
        return new NodeArguments(engine, node, WantsHelp: false);
    }

    /// <param name="what">The program and what it is, in a line.</param>
    public static string Help(string what, IReadOnlyList<Setting> ofNode)
    {
        var lines = ofNode.Concat(Engines().Where(setting => setting.Flag is not null))
            .Select(setting => $"  {setting.Flag ?? "(no flag)",-24} {setting.Name} ({string.Join(", ", setting.Variables)}); default: {setting.Default ?? "not set"}\n      {setting.Description}");
        return $"""
            {what}

            Every setting is taken from its flag, else from its environment variable, else from dscache.json:
            {string.Join('\n', lines)}

            """;
    }

    // As ASP.NET's own programs call it.
    private static bool IsFlag(Setting setting, string word)
        => string.Equals(setting.Flag, word, StringComparison.Ordinal) || (word is "--urls" && string.Equals(setting.Name, NodeSettingTable.ApiListen, StringComparison.Ordinal));

    // How a single command behaves is nothing to a node.
    private static IEnumerable<Setting> Engines() => SettingTable.All.Where(setting => setting.Name.Contains('.', StringComparison.Ordinal) && !string.Equals(setting.Name, SettingTable.FreshnessRefresh, StringComparison.Ordinal));
}
