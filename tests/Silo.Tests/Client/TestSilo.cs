using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using DatasetCache.Coordination;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;
using DatasetCache.Origins;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace DatasetCache.Silo.Tests.Client;

/// <summary>A silo with a node's grain over a real cache, for real Orleans clients; no data plane, no database.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    public const string Node = "test-node";

    private readonly IHost host;
    private readonly LocalDatasetCache cache;

    private readonly SemaphoreSlim renewals;

    private TestSilo(IHost host, LocalDatasetCache cache, NodeService service, SemaphoreSlim renewals) => (this.host, this.cache, Service, this.renewals) = (host, cache, service, renewals);

    public NodeService Service { get; }

    private int refused;

    /// <summary>Waits until leases were renewed so many times more, and none in vain: who has lost his acquires again, and is protected all the same.</summary>
    public async Task RenewedAsync(int times)
    {
        for (var seen = 0; seen < times; seen++)
            Assert.True(await renewals.WaitAsync(TimeSpan.FromSeconds(30)), $"{seen} renewals came of {times}");
        Assert.Equal(0, Volatile.Read(ref refused));
    }

    public static async Task<TestSilo> StartAsync(string root, IOriginFactory origins, (int Silo, int Gateway) ports, TimeSpan? leaseTtl = null)
    {
        var cache = LocalDatasetCache.Open(new CacheOptions { Root = root, MinFree = DiskFloor.OfBytes(0) }, origins);
        var service = new NodeService(Node, cache, holdings: null, TimeProvider.System, leaseTtl);
        var self = new Peer(Node, "127.0.0.1:1");
        var token = NodeToken.Create(root);
        var renewals = new SemaphoreSlim(0);
        TestSilo? started = null;
        var host = new HostBuilder()
            .ConfigureLogging(logging => logging.ClearProviders())
            .UseOrleans(silo =>
            {
                silo.UseLocalhostClustering(ports.Silo, ports.Gateway, primarySiloEndpoint: null, serviceId: "dscache", clusterId: "dscache");
                silo.Configure<SiloOptions>(options => options.SiloName = Node);
                silo.AddDatasetGrains(new GrainAccess { Secret = new CallSecret(RandomNumberGenerator.GetBytes(32)), Token = token });
                silo.AddIncomingGrainCallFilter(async call =>
                {
                    await call.Invoke();
                    if (call.MethodName != nameof(INodeGrain.RenewAsync))
                        return;
                    if (call.Result is null)
                        Interlocked.Increment(ref started!.refused);
                    renewals.Release();
                });
                silo.Services.AddSingleton(self).AddSingleton<INodeService>(service).AddSingleton<INodeHoldings>(new Nothing(self));
            })
            .Build();
        started = new TestSilo(host, cache, service, renewals);
        await host.StartAsync();
        return started;
    }

    /// <summary>Two that were free a moment ago.</summary>
    public static (int Silo, int Gateway) FreePorts()
    {
        using var one = new TcpListener(IPAddress.Loopback, 0);
        using var two = new TcpListener(IPAddress.Loopback, 0);
        one.Start();
        two.Start();
        return (((IPEndPoint)one.LocalEndpoint).Port, ((IPEndPoint)two.LocalEndpoint).Port);
    }

    /// <summary>Without a good-bye to anybody.</summary>
    public async ValueTask DisposeAsync()
    {
        await host.StopAsync(new CancellationToken(canceled: true));
        await ((IAsyncDisposable)host).DisposeAsync();
        await Service.DisposeAsync();
        renewals.Dispose();
        cache.Dispose();
    }

    private sealed class Nothing(Peer self) : INodeHoldings
    {
        public NodeHolding Describe(string key) => new() { From = self, Seen = Epoch.None };
    }
}
