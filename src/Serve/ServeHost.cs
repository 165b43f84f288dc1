using DatasetCache.Hosting.Node;
using DatasetCache.Http.Serving;

namespace DatasetCache.Serve;

/// <summary>What is said when everything runs, and the other way round when the daemon stops: downloads end, and leases stay on disk.</summary>
internal sealed partial class ServeHost(NodeService service, NodePresence presence, ILogger<ServeHost> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var url = presence.Announce(service.Node);
        Ready(service.Node, url, presence.TokenFile);
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        presence.Leave();
        Stops(service.Node);
        await service.DisposeAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Stopped(service.Node);
        return Task.CompletedTask;
    }

    [LoggerMessage(221, LogLevel.Information, "Node {Node} is ready: API and pages at {Url}, token in {TokenFile}")]
    private partial void Ready(string node, string url, string tokenFile);

    [LoggerMessage(222, LogLevel.Information, "Node {Node} stops")]
    private partial void Stops(string node);

    [LoggerMessage(223, LogLevel.Information, "Node {Node} has stopped")]
    private partial void Stopped(string node);
}
