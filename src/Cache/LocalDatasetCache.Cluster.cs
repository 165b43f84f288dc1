using DatasetCache.Coordination;
using DatasetCache.Eviction;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache;

// This host as a node of a cluster.
public sealed partial class LocalDatasetCache
{
    private readonly ClusterNode? node;

    /// <summary>Opens the cache of a node: what is missing is fetched together with the others.</summary>
    internal static LocalDatasetCache Open(CacheOptions options, IOriginFactory origins, TimeProvider? time, ICluster cluster)
        => new(CacheRoot.Open(options.Root), options, origins, time ?? TimeProvider.System, cluster);

    /// <summary>What this node gives to others.</summary>
    internal IPeerContent PeerContent => Node.Content;

    /// <summary>What this node tells coordinators that ask.</summary>
    internal INodeHoldings Holdings => Node;

    /// <summary>Tells the cluster of every entry on the disk.</summary>
    internal Task AnnounceAllAsync(CancellationToken cancellationToken) => Node.AnnounceAllAsync(cancellationToken);

    /// <summary>Takes back whatever the cluster was told: nobody shall be sent here any more.</summary>
    internal Task WithdrawAllAsync(CancellationToken cancellationToken) => Node.WithdrawAllAsync(cancellationToken);

    /// <summary>Whether the cluster lets an entry go.</summary>
    internal ValueTask<bool> MayEvictAsync(string cacheKey, bool redundant, CancellationToken cancellationToken) => Node.MayEvictAsync(cacheKey, redundant, cancellationToken);

    private ClusterNode Node => node ?? throw new InvalidOperationException("This cache is no node of a cluster.");

    private ClusterNode Join(ICluster cluster, Pressure pressure)
    {
        var joined = new ClusterNode(cluster, root, entries, index, time);
        entries.Readiness = (key, ready) =>
        {
            if (!ready)
                joined.Withdraw(key);
            else if (entries.TryRead(key) is { } record)
                joined.Announce(record, isNew: false);
        };
        index.HeldElsewhere = key => joined.Others(key) > 0;
        pressure.Grant = (candidate, cancel) => joined.MayEvictAsync(candidate.CacheKey, candidate.HeldElsewhere, cancel);
        return joined;
    }
}
