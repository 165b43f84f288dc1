using DatasetCache.Configuration;
using DatasetCache.Coordination;
using DatasetCache.Hosting;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Serving;
using DatasetCache.Memory;
using DatasetCache.Origins;
using DatasetCache.Store;

namespace DatasetCache.Serve;

/// <summary>Puts a host of its own together: the cache and what is served from it.</summary>
internal static class ServeApplication
{
    /// <summary>Runs until it is told to stop.</summary>
    /// <exception cref="DatasetCacheException">It cannot start.</exception>
    public static async Task RunAsync(Settings engine, ServingSettings serving, SettingSources sources)
    {
        using var root = CacheRoot.Open(engine.Cache.Root);
        using var nodeLock = await NodeLock.TakeAsync(root, NodeBuilder.LockPatience, TimeProvider.System, CancellationToken.None);
        nodeLock.Write(new NodeAddress(serving.NodeId, Url: null, TokenFile: null, Environment.ProcessId));
        await using var app = Build(engine, serving, sources, nodeLock);
        try
        {
            await app.RunAsync();
        }
        catch (Exception e)
        {
            throw TakenPorts.Causes(e).OfType<DatasetCacheException>().FirstOrDefault() ?? TakenPorts.Explain(e, serving.Ports) ?? (DatasetCacheException)NodeFailedToStartException.Of(e);
        }
    }

    private static WebApplication Build(Settings engine, ServingSettings serving, SettingSources sources, NodeLock nodeLock)
    {
        var builder = NodeBuilder.Create(serving);
        var token = NodeToken.Create(engine.Cache.Root);
        var services = builder.Services;
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(token);
        services.AddSingleton(new SystemdNotifier(Environment.GetEnvironmentVariable("NOTIFY_SOCKET")));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<NodePresence>(provider, nodeLock));
        services.AddSingleton(provider =>
        {
            var cache = LocalDatasetCache.Open(engine.Cache, new OriginFactory(engine.Origin), TimeProvider.System);
            CacheLog.Follow(cache, provider.GetRequiredService<ILogger<LocalDatasetCache>>());
            return cache;
        });
        services.AddSingleton(provider => new NodeService(serving.NodeId, provider.GetRequiredService<LocalDatasetCache>(), holdings: null, TimeProvider.System, serving.LeaseTtl));
        services.AddSingleton<INodeService>(provider => provider.GetRequiredService<NodeService>());
        services.AddHostedService<ServeHost>();
        services.AddDatasetCacheMaintenance();
        services.AddSingleton(sources);
        services.AddHostedService<SettingReload>();

        var app = builder.Build();
        var service = app.Services.GetRequiredService<INodeService>();
        NodeApplication.Use(app, new NodeParts(
            service,
            app.Services.GetRequiredService<LocalDatasetCache>(),
            new LocalClusterView(service, new Peer(serving.NodeId, "")),
            new ApiOptions
            {
                Token = token,
                Access = serving.Access,
                OriginEndpoint = engine.Origin.Endpoint,
                Folders = ServedFolders.Of(engine.Origin.Url),
                Memory = new MemoryTierOptions { Limit = serving.Memory },
            }));
        return app;
    }
}
