using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Eviction;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>What an operator does on one node.</summary>
/// <remarks>A node that is not there or does not answer is a <see cref="NodeUnreachableException"/>.</remarks>
internal interface INodeActions
{
    /// <returns>False where there is no such entry.</returns>
    Task<bool> PinAsync(string cacheKey, CancellationToken cancellationToken);

    /// <returns>False where there is no such entry.</returns>
    Task<bool> UnpinAsync(string cacheKey, CancellationToken cancellationToken);

    /// <returns>False where there is no such entry.</returns>
    Task<bool> SetPriorityAsync(string cacheKey, EntryPriority priority, CancellationToken cancellationToken);

    /// <summary>Starts to verify an entry.</summary>
    /// <returns>Null where there is no such entry.</returns>
    Task<WorkDocument?> VerifyAsync(string cacheKey, VerifyLevel level, bool heal, string? ticket, CancellationToken cancellationToken);

    /// <returns>Null where there is no such entry.</returns>
    Task<EvictedDocument?> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken);

    /// <summary>Starts to get a dataset that nobody uses yet.</summary>
    Task<WorkDocument> WarmAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>How far something is that was started there.</summary>
    /// <returns>Null where nobody knows the ticket (any more).</returns>
    Task<WorkDocument?> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken);
}

/// <summary>A node that an operator named is not in the cluster, or does not answer.</summary>
internal sealed class NodeUnreachableException(string node, bool isUnknown, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Node => node;

    /// <summary>No node has that name; otherwise it may answer later.</summary>
    public bool IsUnknown => isUnknown;
}
