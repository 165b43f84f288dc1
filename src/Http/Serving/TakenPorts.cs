using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace DatasetCache.Http.Serving;

/// <summary>Says which of a node's ports somebody else has.</summary>
internal static class TakenPorts
{
    /// <returns>Null where it is not a taken port that the exception tells of.</returns>
    public static ConfigurationException? Explain(Exception e, IEnumerable<(string Setting, string Flag, IPEndPoint At)> ports)
    {
        if (!Causes(e).Any(cause => cause is AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }))
            return null;
        var wanted = ports.ToArray();
        var taken = wanted.Where(port => port.At.Port != 0 && !IsFree(port.At)).ToArray();
        return taken.Length == 0
            ? new ConfigurationException(wanted[0].Setting, $"A port of the node was another process's when it started: {e.Message}", "It is free now: start the node again.")
            : new ConfigurationException(taken[0].Setting, $"The node cannot listen on {string.Join(", ", taken.Select(port => $"{port.At} ({port.Setting})"))}: another process does.",
                $"Choose another port ({string.Join(", ", taken.Select(port => port.Flag))}), or end the other process: 'ss -ltnp' shows it.");
    }

    /// <summary>The exception and all that is behind it.</summary>
    public static IEnumerable<Exception> Causes(Exception e) => e is AggregateException { InnerExceptions: var several }
        ? several.SelectMany(Causes).Prepend(e)
        : e.InnerException is { } inner ? Causes(inner).Prepend(e) : [e];

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
}
