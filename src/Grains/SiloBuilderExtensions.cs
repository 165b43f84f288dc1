using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace DatasetCache.Grains;

internal static class SiloBuilderExtensions
{
    /// <summary>What the grains need, besides an <see cref="INodeService"/> and this node's <see cref="Peer"/> among the services.</summary>
    public static ISiloBuilder AddDatasetGrains(this ISiloBuilder silo, GrainAccess access)
    {
        silo.Services.AddSingleton(access);
        silo.Services.AddSingleton<IIncomingGrainCallFilter, CallGuard>();
        silo.Services.AddSingleton<IOutgoingGrainCallFilter, CallSigner>();
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.TryAddSingleton(new CoordinatorOptions());
        silo.Services.TryAddSingleton<DatasetEpochs>();
        silo.Services.AddPlacementDirector<NodePlacement, NodePlacementDirector>();
        // It is strongly consistent where the default one may have two activations of a grain for as long as the cluster changes.
        silo.AddDistributedGrainDirectory();
        return silo;
    }
}
