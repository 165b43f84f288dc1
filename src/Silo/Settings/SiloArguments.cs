using DatasetCache.Configuration;

namespace DatasetCache.Silo.Settings;

/// <summary>The silo's command line: every setting that has a flag, <c>--name value</c> or <c>--name=value</c>.</summary>
internal sealed record SiloArguments(IReadOnlyDictionary<string, string> Engine, IReadOnlyDictionary<string, string> Node, bool WantsHelp)
{
    /// <exception cref="InvalidRequestException">There is no such flag, or its value is missing.</exception>
    public static SiloArguments Parse(IReadOnlyList<string> args)
    {
        var engine = new Dictionary<string, string>(StringComparer.Ordinal);
        var node = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            if (args[i] is "--help" or "-h")
                return new SiloArguments(engine, node, WantsHelp: true);
            var parts = args[i].Split('=', 2);
            var ofNode = NodeSettingTable.All.FirstOrDefault(setting => string.Equals(setting.Flag, parts[0], StringComparison.Ordinal));
            var setting = ofNode ?? Engines().FirstOrDefault(setting => string.Equals(setting.Flag, parts[0], StringComparison.Ordinal))
                ?? throw new InvalidRequestException($"There is no flag '{parts[0]}'.", "dscache-silo --help shows all.");
            if (parts.Length == 1 && i + 1 == args.Count)
                throw new InvalidRequestException($"{parts[0]} needs a value.");
            (ofNode is null ? engine : node)[setting.Name] = parts.Length == 2 ? parts[1] : args[++i];
        }
        return new SiloArguments(engine, node, WantsHelp: false);
    }

    public static string Help()
    {
        var lines = NodeSettingTable.All.Concat(Engines()).Where(setting => setting.Flag is not null || NodeSettingTable.Find(setting.Name) is not null)
            .Select(setting => $"  {setting.Flag ?? "(no flag)",-24} {setting.Name} ({string.Join(", ", setting.Variables)}); default: {setting.Default ?? "not set"}\n      {setting.Description}");
        return $"""
            dscache-silo: this host as a node of a cluster of dataset caches.

            Every setting is taken from its flag, else from its environment variable, else from dscache.json:
            {string.Join('\n', lines)}

            """;
    }

    // How a single command behaves is nothing to a node.
    private static IEnumerable<Setting> Engines() => SettingTable.All.Where(setting => setting.Name.Contains('.', StringComparison.Ordinal) && !string.Equals(setting.Name, SettingTable.FreshnessRefresh, StringComparison.Ordinal));
}
