using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;

namespace DatasetCache.Silo.Running;

/// <summary>
/// What begins before Orleans joins the cluster and what is said when everything runs; and the other way round when the node stops: claims go back and replicas are withdrawn
/// while Orleans still carries it. Leases stay on disk.
/// </summary>
internal sealed partial class NodeHost(
    LocalDatasetCache cache, NodeService service, Func<PeerServer> openDataPlane, NodePresence presence, Peer self, ILogger<NodeHost> logger) : IHostedLifecycleService, IAsyncDisposable
{
    // Of the ten seconds that a stop may take in all.
    private static readonly TimeSpan WithdrawingTakes = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource stopping = new();
    private PeerServer? dataPlane;
    private Task announcing = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        dataPlane = openDataPlane();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        announcing = Task.Run(AnnounceAsync, cancellationToken);
        var url = presence.Announce(self.Node);
        Ready(self.Node, self.Endpoint, url, presence.TokenFile);
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        presence.Leave();
        Stops(self.Node);
        await stopping.CancelAsync();
        await announcing;
        // Downloads end and give their claims back.
        await service.DisposeAsync();
        try
        {
            await cache.WithdrawAllAsync(cancellationToken).WaitAsync(WithdrawingTakes, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // The others find out: from the membership that it is gone, from a connection that is refused.
            NotAllWithdrawn(self.Node);
        }
        if (dataPlane is not null)
            await dataPlane.StopAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Stopped(self.Node);
        return Task.CompletedTask;
    }

    private async Task AnnounceAsync()
    {
        try
        {
            await cache.AnnounceAllAsync(stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // It stops already.
        }
        catch (Exception e)
        {
            // A new coordinator asks every node: nothing is lost but some origin reads.
            NotAnnounced(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (dataPlane is not null)
            await dataPlane.StopAsync();
        stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    [LoggerMessage(201, LogLevel.Information, "Node {Node} is ready: pieces at {Endpoint}, API and dashboard at {Url}, token in {TokenFile}")]
    private partial void Ready(string node, string endpoint, string url, string tokenFile);

    [LoggerMessage(202, LogLevel.Information, "Node {Node} stops")]
    private partial void Stops(string node);

    [LoggerMessage(203, LogLevel.Information, "Node {Node} has stopped")]
    private partial void Stopped(string node);

    [LoggerMessage(204, LogLevel.Warning, "Node {Node} stops without having withdrawn all its replicas; the cluster finds out by itself")]
    private partial void NotAllWithdrawn(string node);

    [LoggerMessage(205, LogLevel.Warning, "The entries on disk could not be announced to the cluster; their coordinators will ask")]
    private partial void NotAnnounced(Exception exception);
}
