using System.Net;

namespace DatasetCache.Client;

/// <summary>How a job runner reaches the node of its host.</summary>
public sealed class DatasetCacheClientOptions
{
    /// <summary>Where the node's Orleans gateway listens, an IP address and a port: the node's <c>cluster.gatewayPort</c>. Default: <c>127.0.0.1:30000</c>.</summary>
    public string Gateway { get; set; } = "127.0.0.1:30000";

    /// <summary>The node's <c>cluster.id</c>. Default: <c>dscache</c>.</summary>
    public string ClusterId { get; set; } = "dscache";

    /// <summary>
    /// The file with the node's token, which only those can read who may use the node: its own user, and the cache root's group where the root is a group's. Default: null, the one
    /// that the node of <see cref="CacheRoot"/> has written.
    /// </summary>
    public string? TokenFile { get; set; }

    /// <summary>The node's cache root, in which its token is looked for. Default: null, what <c>dscache</c> would take: <c>DSCACHE_ROOT</c>, <c>cache.root</c> of <c>dscache.json</c>.</summary>
    public string? CacheRoot { get; set; }

    /// <summary>How long a call waits for a node that is not there, or has gone away in the middle, before it is an error; above 0 to 1 day. Default: 1 minute.</summary>
    public TimeSpan LostNodePatience { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What else the Orleans client needs: <c>UseTls</c>, where the nodes' ports want mutual TLS. Default: nothing.</summary>
    public Action<IClientBuilder>? ConfigureOrleans { get; set; }

    /// <summary>Checks every property; called by whatever takes these options.</summary>
    /// <exception cref="ConfigurationException">One is out of its range: the message names it and its value.</exception>
    public void Validate() => _ = EndPoint();

    internal IPEndPoint EndPoint()
    {
        if (string.IsNullOrWhiteSpace(ClusterId))
            throw new ConfigurationException(nameof(ClusterId), "DatasetCacheClientOptions.ClusterId is empty.", "Set it to the node's cluster.id, which is 'dscache' where nothing else was set.");
        if (LostNodePatience <= TimeSpan.Zero || LostNodePatience > TimeSpan.FromDays(1))
            throw new ConfigurationException(nameof(LostNodePatience), $"DatasetCacheClientOptions.LostNodePatience is {LostNodePatience}; it must be above 0 to 1 day.");
        return IPEndPoint.TryParse(Gateway ?? "", out var at) && at.Port > 0
            ? at
            : throw new ConfigurationException(nameof(Gateway), $"DatasetCacheClientOptions.Gateway is '{Gateway}'; it must be an IP address and a port, such as 127.0.0.1:30000.");
    }
}
