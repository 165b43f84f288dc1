using DatasetCache.Configuration;

namespace DatasetCache.Http.Serving;

/// <summary>A node's settings as text, the engine's and its own, with all that is wrong with either in one place.</summary>
internal sealed record NodeConfiguration(Settings Engine, IReadOnlyDictionary<string, ResolvedSetting> Node, SettingErrors Errors)
{
    /// <summary>Reads everything; what is wrong goes to <see cref="Errors"/>, and the caller throws it once his own reading has added to it.</summary>
    public static NodeConfiguration Read(NodeArguments arguments, Func<string, string?> environment, IReadOnlyList<string> configFiles)
    {
        var errors = new SettingErrors();
        var files = configFiles.Select(path => ConfigFile.TryRead(path, errors)).OfType<ConfigFile>().ToArray();
        var engine = Settings.Read(arguments.Engine, environment, files, errors);
        var layers = new SettingLayers(arguments.Node, environment, files, errors);
        return new NodeConfiguration(engine, NodeSettingTable.All.ToDictionary(setting => setting.Name, layers.Resolve, StringComparer.Ordinal), errors);
    }
}
