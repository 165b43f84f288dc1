using DatasetCache.Hosting.Node;
using DatasetCache.Store;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace DatasetCache.Http.Serving;

/// <summary>Tells this host that its node is there, and where: command lines by <c>node.lock</c>, systemd by its socket.</summary>
internal sealed class NodePresence(NodeLock held, NodeToken token, IServer server, SystemdNotifier systemd)
{
    public string TokenFile => token.Path;

    /// <returns>The URL of the local API.</returns>
    public string Announce(string node)
    {
        var url = server.Features.Get<IServerAddressesFeature>()!.Addresses.First();
        held.Write(new NodeAddress(node, url, token.Path, Environment.ProcessId));
        systemd.Ready($"Node {node}, API at {url}");
        return url;
    }

    public void Leave() => systemd.Stopping();
}
