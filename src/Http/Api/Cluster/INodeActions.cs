using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Files;
using DatasetCache.Integrity;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>What an operator does on one node, and what he sees of its datasets.</summary>
/// <remarks>A node that is not there or does not answer is a <see cref="NodeUnreachableException"/>.</remarks>
internal interface INodeActions
{
    /// <summary>All that the node knows of an entry; what the cluster knows is not in it.</summary>
    /// <returns>Null where there is no such entry.</returns>
    Task<EntryDocument?> InspectAsync(string cacheKey, CancellationToken cancellationToken);

    /// <summary>The files of an entry after a path, at most so many and not always as many.</summary>
    /// <returns>Null where there is no such entry to read from.</returns>
    Task<FilesDocument?> FilesAsync(string cacheKey, string? after, int limit, CancellationToken cancellationToken);

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
