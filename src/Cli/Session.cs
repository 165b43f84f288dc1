using System.CommandLine;
using DatasetCache.Cli.Output;
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

    /// <summary>The one place that knows how the engine is put together. The process ends with it: nobody disposes the origins.</summary>
    public LocalDatasetCache OpenCache(Settings settings)
    {
        var cache = LocalDatasetCache.Open(settings.Cache, new OriginFactory(settings.Origin), Time);
        cache.SharedRootUnusable += (_, shared) => Stdio.Note($"dscache: warning: the shared root {shared.Path} is not used: {shared.Reason} The origin is asked instead.");
        return cache;
    }

    /// <summary>The configured default origin, and the prefix below which its datasets lie.</summary>
    public (IOrigin Origin, string Prefix) OpenOrigin(Settings settings) => new OriginFactory(settings.Origin).Open(origin: null);
}
