using System.CommandLine;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Origins;

namespace DatasetCache.Cli;

/// <summary>One call of dscache: its environment, its settings, and how its errors are to be written.</summary>
internal sealed class Session(Func<string, string?> environment, TimeProvider time)
{
    public Func<string, string?> Variable { get; } = environment;

    public TimeProvider Time { get; } = time;

    /// <summary>Whether results and errors are JSON: the flag at first, the setting once settings are read.</summary>
    public bool Json { get; set; }

    /// <exception cref="ConfigurationException">Settings are wrong or contradict each other.</exception>
    public Settings LoadSettings(ParseResult parse, SettingFlags flags)
    {
        var settings = Settings.Load(flags.Read(parse), Variable, Settings.ConfigFiles(Variable));
        Json = settings.Json;
        return settings;
    }

    /// <summary>The one place that knows how the engine is put together.</summary>
    public LocalDatasetCache OpenCache(Settings settings) => LocalDatasetCache.Open(settings.Cache, OpenOrigins(settings), Time);

    /// <summary>The configured default origin, and the prefix below which its datasets lie.</summary>
    public IOrigin OpenOrigin(Settings settings, out string prefix)
    {
        prefix = "";
        return OpenOrigins(settings).Open(null);
    }

    private OriginFactory OpenOrigins(Settings settings) => new(settings.Origin);
}
