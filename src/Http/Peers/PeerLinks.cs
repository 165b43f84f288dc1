using System.Collections.Concurrent;
using DatasetCache.Coordination;

namespace DatasetCache.Http.Peers;

/// <summary>Connections that wait for their next request. The one used last is used first, so that the others can go.</summary>
internal sealed class PeerLinks(PeerClientOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentStack<PeerLink>> resting = new(StringComparer.Ordinal);
    private int isDisposed;

    public PeerLink? Take(Peer peer)
    {
        if (!resting.TryGetValue(peer.Endpoint, out var links))
            return null;
        while (links.TryPop(out var link))
        {
            if (link.IsFresh)
                return link;
            link.Dispose();
        }
        return null;
    }

    /// <summary>Keeps it, unless a body is left unread or it is to be closed.</summary>
    public void Return(Peer peer, PeerLink link, AnswerHead answer)
    {
        var links = resting.GetOrAdd(peer.Endpoint, static _ => new ConcurrentStack<PeerLink>());
        if (answer.Closes || answer.Length != 0 || links.Count >= options.IdleConnections || Volatile.Read(ref isDisposed) != 0)
        {
            link.Dispose();
            return;
        }
        link.Rest(options.IdleTimeout);
        links.Push(link);
    }

    public void Dispose()
    {
        Volatile.Write(ref isDisposed, 1);
        foreach (var link in resting.Values.SelectMany(links => links))
            link.Dispose();
    }
}
