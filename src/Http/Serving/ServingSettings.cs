using System.Net;
using DatasetCache.Configuration;
using DatasetCache.Http.Access;

namespace DatasetCache.Http.Serving;

/// <summary>How a node serves its own host and perhaps others, the same for a silo and a host of its own.</summary>
internal sealed record ServingSettings
{
    public required string NodeId { get; init; }

    public required TimeSpan LeaseTtl { get; init; }

    /// <summary>On loopback, for this host, without TLS: command lines find it through <c>node.lock</c>. Port 0 takes a free one.</summary>
    public required IPEndPoint Local { get; init; }

    /// <summary>For others, besides; null for nobody.</summary>
    public IPEndPoint? Open { get; init; }

    /// <summary>Of <see cref="Open"/>; null for plain HTTP.</summary>
    public ApiTls? Tls { get; init; }

    /// <summary>The file of tokens; null where the node's own is the only one.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Bytes of memory for small files that are read often; 0 for none. Default: 256 MiB.</summary>
    public long Memory { get; init; } = 256L * 1024 * 1024;

    /// <summary>The settings of <see cref="NodeSettingTable"/> that a host of its own has: none of a cluster's.</summary>
    public static IReadOnlyList<Setting> OfOneHost { get; } = [.. NodeSettingTable.All.Where(setting => !setting.Name.StartsWith("cluster.", StringComparison.Ordinal))];

    /// <summary>Where it listens, with the setting that says so: for what is said when it cannot.</summary>
    public IEnumerable<(string Setting, string Flag, IPEndPoint At)> Ports => Open is null
        ? [(NodeSettingTable.ApiPort, "--api-port", Local)]
        : [(NodeSettingTable.ApiPort, "--api-port", Local), (NodeSettingTable.ApiListen, "--listen", Open)];

    public AccessOptions Access => new() { TokenFile = TokenFile, Open = Open };

    /// <summary>What is wrong goes to the errors of <paramref name="configuration"/>.</summary>
    public static ServingSettings Read(NodeConfiguration configuration)
    {
        var parser = new SettingParser(configuration.Node, configuration.Errors);
        var reader = new ApiSettingReader(configuration, parser);
        var (local, open) = reader.Addresses();
        return new ServingSettings
        {
            NodeId = NameOf(configuration, NodeSettingTable.NodeId, configuration.Node[NodeSettingTable.NodeId].Source.Origin == SettingOrigin.Default ? Environment.MachineName : parser.Text(NodeSettingTable.NodeId)),
            LeaseTtl = parser.Duration(NodeSettingTable.NodeLeaseTtl, zeroAllowed: false),
            Local = local,
            Open = open,
            Tls = reader.Tls(open),
            TokenFile = reader.Tokens(open),
            Memory = parser.SizeOrNone(NodeSettingTable.ApiMemory),
        };
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
