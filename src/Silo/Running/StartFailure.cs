using System.Net;
using System.Net.Sockets;
using DatasetCache.Silo.Settings;
using Npgsql;

namespace DatasetCache.Silo.Running;

/// <summary>What a node ended with, in words that name the setting.</summary>
internal static class StartFailure
{
    public static DatasetCacheException Of(Exception e, NodeSettings node)
    {
        var causes = Causes(e).ToArray();
        if (causes.OfType<DatasetCacheException>().FirstOrDefault() is { } known)
            return known;
        if (causes.OfType<SocketException>().Any(cause => cause.SocketErrorCode == SocketError.AddressAlreadyInUse) || causes.OfType<Microsoft.AspNetCore.Connections.AddressInUseException>().Any())
            return Taken(node, e);
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
        return new NodeFailedToStartException($"The node ended with {e.GetType().Name}: {e.Message}", "That is a defect; Logging__LogLevel__Default=Debug in the environment says more.", e);
    }

    private static ConfigurationException Taken(NodeSettings node, Exception e)
    {
        (string Setting, string Flag, IPEndPoint At)[] wanted =
        [
            ("api.port", "--api-port", new IPEndPoint(IPAddress.Loopback, node.ApiPort)),
            ("cluster.siloPort", "--silo-port", new IPEndPoint(node.Address, node.SiloPort)),
            ("cluster.gatewayPort", "--gateway-port", new IPEndPoint(IPAddress.Loopback, node.GatewayPort)),
            ("cluster.dataPort", "--data-port", new IPEndPoint(node.Address, node.DataPort)),
        ];
        var taken = wanted.Where(port => port.At.Port != 0 && !IsFree(port.At)).ToArray();
        return taken.Length == 0
            ? new ConfigurationException("cluster.siloPort", $"A port of the node was another process's when it started: {e.Message}", "It is free now: start the node again.")
            : new ConfigurationException(taken[0].Setting, $"The node cannot listen on {string.Join(", ", taken.Select(port => $"{port.At} ({port.Setting})"))}: another process does.",
                $"Choose another port ({string.Join(", ", taken.Select(port => port.Flag))}), or end the other process: 'ss -ltnp' shows it.");
    }

    private static bool IsFree(IPEndPoint at)
    {
        try
        {
            using var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            // As the listeners do it: connections that have just ended are in nobody's way.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
            socket.Bind(at);
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static IEnumerable<Exception> Causes(Exception e) => e is AggregateException { InnerExceptions: var several }
        ? several.SelectMany(Causes).Prepend(e)
        : e.InnerException is { } inner ? Causes(inner).Prepend(e) : [e];
}

/// <summary>The node ended with something that nobody has foreseen.</summary>
internal sealed class NodeFailedToStartException(string message, string advice, Exception inner) : DatasetCacheException(ErrorCode.Internal, message, advice, inner);
