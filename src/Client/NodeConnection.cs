using System.Net.Sockets;
using DatasetCache.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime.Messaging;

namespace DatasetCache.Client;

/// <summary>An Orleans client of this host's node, and calls through it that outlast the node's restarts.</summary>
internal sealed class NodeConnection(DatasetCacheClientOptions options, ILoggerFactory? loggers, TimeProvider time) : IAsyncDisposable
{
    // Longer than any call of ours is told to wait; a node that died does not answer.
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim connecting = new(1);
    private readonly TokenReader tokens = new(options);
    private readonly TokenSigner signer = new();
    private ServiceProvider? services;
    private string? node;
    private bool ended;

    /// <summary>Calls this host's node; where it is gone, again until it is back or the patience is over.</summary>
    /// <exception cref="NodeException">It did not come back, or it could not do what it was asked.</exception>
    public Task<T> CallAsync<T>(Func<INodeGrain, Task<T>> call, CancellationToken cancellationToken)
        => CallAsync(async grains => await call(grains.GetGrain<INodeGrain>(node ??= (await grains.GetGrain<IClusterGrain>(0).LocalNodeAsync()).Node)), cancellationToken);

    /// <summary>The same for a call that any node can answer.</summary>
    public async Task<T> CallAsync<T>(Func<IGrainFactory, Task<T>> call, CancellationToken cancellationToken)
    {
        long? lost = null;
        string? refused = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(ended, this);
            try
            {
                return await call(await ConnectAsync(cancellationToken)).WaitAsync(cancellationToken);
            }
            catch (NodeFailedException e)
            {
                throw e.Failure.ToException();
            }
            catch (CallRefusedException e)
            {
                // The node that has come back has another token, which is read before the next call, and may have another name.
                var shown = signer.Token;
                if (refused is not null && string.Equals(shown, refused, StringComparison.Ordinal))
                {
                    throw new NodeException(ErrorCode.AccessDenied, $"The node at {options.Gateway} does not take the token that this client has found: {e.Message}",
                        "Set DatasetCacheClientOptions.TokenFile, or CacheRoot, to those of the node at this gateway.", isWorthRetrying: false, e);
                }
                (refused, signer.Token, node) = (shown, null, null);
            }
            catch (Exception e) when (IsLost(e))
            {
                // It may come back under another name.
                node = null;
                lost ??= time.GetTimestamp();
                if (time.GetElapsedTime(lost.Value) >= options.LostNodePatience)
                {
                    throw new NodeException(ErrorCode.OriginUnreachable, $"The node of this host has not answered at {options.Gateway} for {options.LostNodePatience.TotalSeconds:0} s: {e.Message}",
                        "See whether it runs (dscache status), that Gateway and ClusterId are its cluster.gatewayPort and cluster.id, and CacheRoot its cache.root.", isWorthRetrying: true, e);
                }
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        ended = true;
        // A container that knows it by two names disposes of it twice, and whoever waits to connect must get to know.
        await connecting.WaitAsync();
        try
        {
            var open = services;
            services = null;
            if (open is not null)
                await EndAsync(open);
        }
        finally
        {
            connecting.Release();
        }
    }

    private async ValueTask<IGrainFactory> ConnectAsync(CancellationToken cancellationToken)
    {
        if (services is { } there && signer.Token is not null)
            return there.GetRequiredService<IGrainFactory>();
        await connecting.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(ended, this);
            signer.Token ??= tokens.Read();
            if (services is null)
            {
                var made = Make();
                try
                {
                    foreach (var service in made.GetServices<IHostedService>())
                        await service.StartAsync(cancellationToken);
                }
                catch
                {
                    await EndAsync(made);
                    throw;
                }
                services = made;
            }
            return services.GetRequiredService<IGrainFactory>();
        }
        finally
        {
            connecting.Release();
        }
    }

    // A container of its own: the program may have an Orleans client of another cluster.
    private ServiceProvider Make()
    {
        var collection = new ServiceCollection();
        collection.AddLogging();
        if (loggers is not null)
            collection.AddSingleton(loggers);
        collection.AddOrleansClient(client =>
        {
            client.UseStaticClustering(options.EndPoint());
            client.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, "dscache"));
            // A gateway that was lost is asked again at each refresh: by default a minute later.
            client.Configure<GatewayOptions>(gateway => gateway.GatewayListRefreshPeriod = TimeSpan.FromSeconds(1));
            client.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = ResponseTimeout);
            client.Services.AddSingleton<IOutgoingGrainCallFilter>(signer);
            // CallAsync waits and tries again.
            client.UseConnectionRetryFilter((_, _) => Task.FromResult(false));
            options.ConfigureOrleans?.Invoke(client);
        });
        return collection.BuildServiceProvider();
    }

    private static async Task EndAsync(ServiceProvider provider)
    {
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            foreach (var service in provider.GetServices<IHostedService>().Reverse())
                await service.StopAsync(soon.Token);
        }
        catch (Exception e) when (e is OperationCanceledException || IsLost(e))
        {
            // The node is gone: there is nobody to say good-bye to.
        }
        await provider.DisposeAsync();
    }

    private static bool IsLost(Exception e) => e is OrleansException or ConnectionFailedException or UnknownNodeException or TimeoutException or IOException or SocketException;
}
