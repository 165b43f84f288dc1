using System.Net;
using DatasetCache.Configuration;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;

namespace DatasetCache.Silo.Settings;

/// <summary>How this node takes part in its cluster. Read once, at start; whatever is wrong is said all at once.</summary>
internal sealed record NodeSettings
{
    public required ServingSettings Serving { get; init; }

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

    public string NodeId => Serving.NodeId;

    /// <summary>Where it listens, with the setting that says so: for what is said when it cannot.</summary>
    public IEnumerable<(string Setting, string Flag, IPEndPoint At)> Ports =>
    [
        .. Serving.Ports,
        (NodeSettingTable.ClusterSiloPort, "--silo-port", new IPEndPoint(Address, SiloPort)),
        (NodeSettingTable.ClusterGatewayPort, "--gateway-port", new IPEndPoint(IPAddress.Loopback, GatewayPort)),
        (NodeSettingTable.ClusterDataPort, "--data-port", new IPEndPoint(Address, DataPort)),
    ];

    /// <exception cref="ConfigurationException">Settings, the engine's among them, are wrong or contradict each other; one message names all of them.</exception>
    public static NodeSettings Load(NodeConfiguration configuration)
    {
        var settings = new NodeSettingReader(configuration).Read();
        configuration.Errors.ThrowIfAny();
        return settings;
    }
}
