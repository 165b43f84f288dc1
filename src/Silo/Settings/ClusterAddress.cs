using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using DatasetCache.Configuration;

namespace DatasetCache.Silo.Settings;

/// <summary>
/// Where a node may listen for others. Orleans' ports ask nobody for a credential: they are for loopback, a network that was declared to be the nodes' own, or mutual TLS.
/// </summary>
internal sealed class ClusterAddress(IReadOnlyDictionary<string, ResolvedSetting> resolved, SettingErrors errors, bool hasTls)
{
    // A wider one is no network of anybody's own.
    private const int WidestPrefix = 8;

    /// <summary>Null where nothing can be chosen; the errors say why.</summary>
    public IPAddress? Choose()
    {
        var (networkText, addressSetting) = (resolved[NodeSettingTable.ClusterNetwork], resolved[NodeSettingTable.ClusterAddress]);
        IPNetwork? network = null;
        if (networkText.Value is { Length: > 0 } text)
        {
            if (!IPNetwork.TryParse(text, out var parsed) || parsed.PrefixLength < WidestPrefix)
            {
                errors.Add(networkText, $"a network of the nodes' own such as 10.1.0.0/16 or fd00:12::/64, with a prefix of {WidestPrefix} bits or more, and no bit set behind it");
                return null;
            }
            network = parsed;
        }
        if (addressSetting.Source.Origin == SettingOrigin.Default || addressSetting.Value is not { Length: > 0 } given)
            return network is { } own ? InNetwork(own) : IPAddress.Loopback;
        if (!IPAddress.TryParse(given, out var address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            errors.Add(addressSetting, "one address of this host that other nodes reach, such as 10.1.0.7");
            return null;
        }
        if (IPAddress.IsLoopback(address) || hasTls || network?.Contains(address) == true)
            return address;
        errors.Add(NodeSettingTable.ClusterAddress, $"cluster.address is '{address}' ({addressSetting.Source}), "
            + (network is { } declared ? $"which is not in cluster.network {declared} ({networkText.Source})" : "and no cluster.network is declared")
            + ". Whoever reaches Orleans' ports is obeyed: declare the network that only nodes reach (cluster.network, DSCACHE_CLUSTER_NETWORK), or set up mutual TLS (cluster.tls.certificate, .key, .authorities).");
        return null;
    }

    private IPAddress? InNetwork(IPNetwork network)
    {
        var all = NetworkInterface.GetAllNetworkInterfaces().Where(nic => nic.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
            .SelectMany(nic => nic.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
            .ToArray();
        var inside = all.Where(network.Contains).ToArray();
        if (inside.Length == 1)
            return inside[0];
        var source = resolved[NodeSettingTable.ClusterNetwork].Source;
        errors.Add(NodeSettingTable.ClusterNetwork, inside.Length == 0
            ? $"cluster.network is '{network}' ({source}), and this host has no address in it. It has {string.Join(", ", all.Select(address => address.ToString()))}. Name the network that the nodes share."
            : $"cluster.network is '{network}' ({source}), and this host has {inside.Length} addresses in it: {string.Join(", ", inside.Select(address => address.ToString()))}. Choose one with cluster.address (DSCACHE_CLUSTER_ADDRESS).");
        return null;
    }
}
