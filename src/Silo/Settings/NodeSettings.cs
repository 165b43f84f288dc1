using System.Net;
using DatasetCache.Configuration;
using DatasetCache.Http.Peers;

namespace DatasetCache.Silo.Settings;

/// <summary>How this node takes part in its cluster. Read once, at start; whatever is wrong is said all at once.</summary>
internal sealed record NodeSettings
{
    public required string NodeId { get; init; }

    public required TimeSpan LeaseTtl { get; init; }

    public required int ApiPort { get; init; }

    public required string ClusterId { get; init; }

    /// <summary>Null for a cluster of one.</summary>
    public string? Database { get; init; }

    /// <summary>Null where none is needed: nobody else is there.</summary>
    public PeerSecret? Secret { get; init; }

    public required IPAddress Address { get; init; }

    public required int SiloPort { get; init; }

    public required int GatewayPort { get; init; }

    public required int DataPort { get; init; }

    public NodeTls? Tls { get; init; }

    public required TransferLimits Limits { get; init; }

    /// <exception cref="ConfigurationException">Settings are wrong or contradict each other; one message names all of them.</exception>
    public static NodeSettings Load(IReadOnlyDictionary<string, string> flags, Func<string, string?> environment, IReadOnlyList<string> configFiles)
    {
        var errors = new SettingErrors();
        var files = configFiles.Select(path => ConfigFile.TryRead(path, errors)).OfType<ConfigFile>().ToArray();
        var layers = new SettingLayers(flags, environment, files, errors);
        var resolved = NodeSettingTable.All.ToDictionary(setting => setting.Name, layers.Resolve, StringComparer.Ordinal);
        var reader = new NodeSettingReader(resolved, errors);
        var settings = reader.Read();
        errors.ThrowIfAny();
        return settings!;
    }
}
