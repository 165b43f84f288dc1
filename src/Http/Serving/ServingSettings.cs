using System.Net;
using DatasetCache.Configuration;

namespace DatasetCache.Http.Serving;

/// <summary>How a node serves its own host, the same for a silo and a host of its own.</summary>
internal sealed record ServingSettings
{
    public required string NodeId { get; init; }

    public required TimeSpan LeaseTtl { get; init; }

    /// <summary>On loopback, for this host: command lines find it through <c>node.lock</c>. Port 0 takes a free one.</summary>
    public required IPEndPoint Local { get; init; }

    /// <summary>The settings of <see cref="NodeSettingTable"/> that a host of its own has: none of a cluster's.</summary>
    public static IReadOnlyList<Setting> OfOneHost { get; } = [.. NodeSettingTable.All.Where(setting => !setting.Name.StartsWith("cluster.", StringComparison.Ordinal))];

    /// <summary>Where it listens, with the setting that says so: for what is said when it cannot.</summary>
    public IEnumerable<(string Setting, string Flag, IPEndPoint At)> Ports => [(NodeSettingTable.ApiPort, "--api-port", Local)];

    /// <summary>What is wrong goes to the errors of <paramref name="configuration"/>.</summary>
    public static ServingSettings Read(NodeConfiguration configuration)
    {
        var parser = new SettingParser(configuration.Node, configuration.Errors);
        return new ServingSettings
        {
            NodeId = NameOf(configuration, NodeSettingTable.NodeId, configuration.Node[NodeSettingTable.NodeId].Source.Origin == SettingOrigin.Default ? Environment.MachineName : parser.Text(NodeSettingTable.NodeId)),
            LeaseTtl = parser.Duration(NodeSettingTable.NodeLeaseTtl, zeroAllowed: false),
            Local = LocalOf(configuration, parser),
        };
    }

    private static IPEndPoint LocalOf(NodeConfiguration configuration, SettingParser parser)
    {
        var local = new IPEndPoint(IPAddress.Loopback, parser.Integer(NodeSettingTable.ApiPort, 0, 65535));
        var listen = configuration.Node[NodeSettingTable.ApiListen];
        if (listen.Source.Origin == SettingOrigin.Default)
            return local;
        if (!ListenAddress.TryParse(listen.Value!, out var given) || !IPAddress.IsLoopback(given.Address))
        {
            configuration.Errors.Add(listen, ListenAddress.Expected);
            return local;
        }
        return new IPEndPoint(given.Address, given.Port ?? local.Port);
    }

    /// <summary>The name of a node or a cluster.</summary>
    public static string NameOf(NodeConfiguration configuration, string setting, string? name)
    {
        if (name is { Length: > 0 and <= 100 } && !name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')))
            return name;
        configuration.Errors.Add(setting, $"{setting} is '{name}' ({configuration.Node[setting].Source}); it must be 1 to 100 of A-Z, a-z, 0-9, '.', '-' and '_'.");
        return "?";
    }
}
