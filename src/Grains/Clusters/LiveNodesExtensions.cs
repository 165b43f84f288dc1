
namespace DatasetCache.Grains;

internal static class LiveNodesExtensions
{
    /// <summary>
    /// The nodes that take part, by their ids, which are their silos' names. Of two with one name the younger: the other was killed, and nobody has found it dead yet.
    /// </summary>
    public static IReadOnlyDictionary<string, SiloAddress> LiveNodes(this ClusterMembershipSnapshot snapshot)
    {
        var nodes = new Dictionary<string, SiloAddress>(StringComparer.Ordinal);
        foreach (var member in snapshot.Members.Values.Where(member => member.Status == SiloStatus.Active))
        {
            if (!nodes.TryGetValue(member.Name, out var other) || other.Generation < member.SiloAddress.Generation)
                nodes[member.Name] = member.SiloAddress;
        }
        return nodes;
    }
}
