using DatasetCache.Datasets;
using DatasetCache.Reading;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Transfers.Lazy;

/// <summary>What datasets need of the cache that are read piece by piece.</summary>
/// <param name="OpenReady">Begins to read the entry of an identity; null where there is none.</param>
internal sealed record LazyGround(CacheRoot Root, SpaceLedger Space, CacheOptions Options, TimeProvider Time, StagingTurns Turns, ReadTally Tally, Func<TransferMeter> NewMeter,
    Func<DatasetIdentity, DatasetReading?> OpenReady)
{
    /// <summary>How long a reader waits for another process that downloads the same dataset.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Other nodes; null for a host of its own.</summary>
    public ClusterNode? Node { get; init; }

    public bool IsReady(DatasetIdentity identity)
    {
        using var reading = OpenReady(identity);
        return reading is not null;
    }
}
