using System.Net.Sockets;
using DatasetCache.Http.Serving;
using DatasetCache.Silo.Settings;
using Npgsql;

namespace DatasetCache.Silo.Running;

/// <summary>What a node ended with, in words that name the setting.</summary>
internal static class StartFailure
{
    public static DatasetCacheException Of(Exception e, NodeSettings node)
    {
        var causes = TakenPorts.Causes(e).ToArray();
        if (causes.OfType<DatasetCacheException>().FirstOrDefault() is { } known)
            return known;
        if (TakenPorts.Explain(e, node.Ports) is { } taken)
            return taken;
        if (causes.OfType<SocketException>().Any(cause => cause.SocketErrorCode == SocketError.AddressNotAvailable))
        {
            return new ConfigurationException("cluster.address", $"The node cannot listen on {node.Address} (cluster.address): no interface of this host has that address.",
                "Name one that it has, or the network of the nodes (cluster.network), in which it finds its own.");
        }
        if (causes.OfType<NpgsqlException>().FirstOrDefault() is { } database)
        {
            return new ConfigurationException("cluster.database", $"The database of the cluster (cluster.database) fails: {database.Message}",
                "Check that it runs, and that this host reaches it; then start the node again.");
        }
        if (causes.OfType<OrleansException>().FirstOrDefault() is { } refused)
        {
            return new ConfigurationException("cluster.network", $"The node did not get into the cluster '{node.ClusterId}' as {node.Address}:{node.SiloPort}: {refused.Message}",
                "Each node must reach every other one on cluster.siloPort, both ways, with the same cluster.secret, and cluster.tls of the same authorities or none. "
                + "A node that was killed is taken for alive for up to a minute. Logging__LogLevel__Orleans=Information in the environment says more.");
        }
        return NodeFailedToStartException.Of(e);
    }
}
