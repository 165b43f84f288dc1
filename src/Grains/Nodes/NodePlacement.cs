using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace DatasetCache.Grains;

/// <summary>On the silo whose name is the grain's key, and on no other.</summary>
[GenerateSerializer, Immutable, Alias("dscache.nodePlacement")]
internal sealed class NodePlacement : PlacementStrategy;

[AttributeUsage(AttributeTargets.Class)]
internal sealed class NodePlacementAttribute() : PlacementAttribute(new NodePlacement());

internal sealed class NodePlacementDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var node = target.GrainIdentity.Key.ToString()!;
        if (Find(node) is { } there)
            return there;
        // It may have joined a moment ago.
        await membership.Refresh();
        return Find(node) ?? throw UnknownNode(node);
    }

    private SiloAddress? Find(string node) => membership.CurrentSnapshot.LiveNodes().GetValueOrDefault(node);

    private UnknownNodeException UnknownNode(string node)
    {
        const int named = 10;
        var known = membership.CurrentSnapshot.LiveNodes().Keys.Order(StringComparer.Ordinal).ToArray();
        return new UnknownNodeException(node,
            $"No node '{node}' is in the cluster now. {(known.Length == 1 ? "There is" : $"There are {known.Length}:")} {string.Join(", ", known.Take(named))}{(known.Length > named ? ", …" : "")}. A node's id is its setting node.id, or else its host's name.");
    }
}
