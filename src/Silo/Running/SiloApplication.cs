using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using DatasetCache.Coordination;
using DatasetCache.Grains;
using DatasetCache.Hosting;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;
using DatasetCache.Memory;
using DatasetCache.Origins;
using DatasetCache.Silo.Membership;
using DatasetCache.Silo.Settings;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;
using Orleans.Dashboard;

namespace DatasetCache.Silo.Running;

/// <summary>Puts a node together: the cache of this host, its data plane, Orleans, the local HTTP API and the dashboard.</summary>
internal static class SiloApplication
{
    /// <summary>Runs until it is told to stop.</summary>
    /// <exception cref="DatasetCacheException">It cannot start.</exception>
    public static async Task RunAsync(Configuration.Settings engine, NodeSettings node, SettingSources sources)
    {
        using var root = CacheRoot.Open(engine.Cache.Root);
        using var nodeLock = await NodeLock.TakeAsync(root, NodeBuilder.LockPatience, TimeProvider.System, CancellationToken.None);
        nodeLock.Write(new NodeAddress(node.NodeId, Url: null, TokenFile: null, Environment.ProcessId));
        if (node.Database is { } database)
        {
            await MembershipSchema.EnsureAsync(database, node.ClusterId, Convert.ToHexStringLower(node.Secret!.Derive("mark")), CancellationToken.None);
            await new LostSilos(database, node.ClusterId, node.NodeId, TimeProvider.System).ClearAsync(CancellationToken.None);
        }
        node = node with { DataPort = node.DataPort == 0 ? FreePort(node.Address) : node.DataPort };
        await using var app = Build(engine, node, sources, nodeLock);
        try
        {
            await app.RunAsync();
        }
        catch (Exception e)
        {
            throw StartFailure.Of(e, node);
        }
    }

    private static WebApplication Build(Configuration.Settings engine, NodeSettings node, SettingSources sources, NodeLock nodeLock)
    {
        var builder = NodeBuilder.Create(node.Serving);
        var token = NodeToken.Create(engine.Cache.Root);
        // Alone, nobody else knows it: nobody is let in.
        var secret = node.Secret ?? new PeerSecret(RandomNumberGenerator.GetBytes(PeerSecret.LeastBytes));
        var folders = ServedFolders.Of(engine.Origin.Url);
        AddNode(builder.Services, engine, node, nodeLock, token, secret);
        builder.Services.AddSingleton(sources);
        builder.Services.AddHostedService<SettingReload>();
        builder.Host.UseOrleans(silo => SiloClustering.Configure(silo, node, new GrainAccess { Secret = new CallSecret(secret.Derive("calls")), Token = token, Folders = folders }));

        var app = builder.Build();
        var services = app.Services;
        NodeApplication.Use(app, new NodeParts(
            services.GetRequiredService<INodeService>(),
            services.GetRequiredService<LocalDatasetCache>(),
            new OrleansClusterView(services.GetRequiredService<IGrainFactory>(), services.GetRequiredService<INodeService>()),
            new ApiOptions
            {
                Token = token,
                Access = node.Serving.Access,
                OriginEndpoint = engine.Origin.Endpoint,
                Folders = folders,
                Caps = services.GetRequiredService<TransferCaps>(),
                Memory = new MemoryTierOptions { Limit = node.Serving.Memory },
            }));
        // It shows the log of every silo and the state of every grain.
        app.MapOrleansDashboard(routePrefix: "/dashboard").RequireRole(Role.Operator);
        return app;
    }

    private static void AddNode(IServiceCollection services, Configuration.Settings engine, NodeSettings node, NodeLock nodeLock, NodeToken token, PeerSecret secret)
    {
        var time = TimeProvider.System;
        var endpoint = new IPEndPoint(node.Address, node.DataPort);
        var self = new Peer(node.NodeId, endpoint.ToString());
        services.AddSingleton(time);
        services.AddSingleton(self);
        services.AddSingleton(token);
        services.AddSingleton(new TransferCaps(node.Limits, time));
        services.AddSingleton(new SystemdNotifier(Environment.GetEnvironmentVariable("NOTIFY_SOCKET")));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<NodePresence>(provider, nodeLock));
        services.AddSingleton<IPeerReader>(provider => new PeerClient(
            new PeerClientOptions { Tls = node.Tls?.ForPeers() }, secret, node.NodeId, provider.GetRequiredService<TransferCaps>(), time,
            provider.GetRequiredService<ILogger<PeerClient>>()));
        services.AddSingleton<ICluster>(provider => new OrleansCluster(provider.GetRequiredService<IGrainFactory>(), self, provider.GetRequiredService<IPeerReader>(), time, provider.GetRequiredService<ILogger<OrleansCluster>>()));
        services.AddSingleton(provider =>
        {
            var cache = LocalDatasetCache.Open(engine.Cache, new OriginFactory(engine.Origin, time), time, provider.GetRequiredService<ICluster>());
            var caps = provider.GetRequiredService<TransferCaps>();
            cache.Totals.ToPeers = () => caps.SentBytes;
            CacheLog.Follow(cache, provider.GetRequiredService<ILogger<LocalDatasetCache>>());
            return cache;
        });
        services.AddSingleton(provider =>
        {
            var cache = provider.GetRequiredService<LocalDatasetCache>();
            return new NodeService(node.NodeId, cache, cache.Holdings, time, node.Serving.LeaseTtl);
        });
        services.AddSingleton<INodeService>(provider => provider.GetRequiredService<NodeService>());
        // Before Orleans: hosted services begin in this order.
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<NodeHost>(provider, (Func<PeerServer>)(() => PeerServer.Start(
            new PeerServerOptions { Listen = endpoint, Tls = node.Tls?.ForPeers() }, secret, provider.GetRequiredService<LocalDatasetCache>().PeerContent,
            provider.GetRequiredService<TransferCaps>(), time, provider.GetRequiredService<ILogger<PeerServer>>()))));
        services.AddDatasetCacheMaintenance();
    }

    private static int FreePort(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
