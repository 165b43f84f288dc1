using System.Collections.Concurrent;
using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace DatasetCache.Grains.Tests.Clusters;

/// <summary>Each silo's own: tells it that whatever it has activated is the one activation in the cluster. So the directory looks while silos disagree.</summary>
internal sealed class LyingDirectory : IGrainDirectory
{
    private readonly ConcurrentDictionary<GrainId, GrainAddress> known = new();

    public Task<GrainAddress?> Register(GrainAddress address) => Register(address, previousAddress: null);

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        known[address.GrainId] = address;
        return Task.FromResult<GrainAddress?>(address);
    }

    public Task Unregister(GrainAddress address)
    {
        known.TryRemove(address.GrainId, out _);
        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(known.GetValueOrDefault(grainId));

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
