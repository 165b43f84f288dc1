namespace DatasetCache.Grains;

/// <summary>
/// The cache of one node. Key: the node's id, which is its silo's name; it lives on that silo and no other. No call waits for a download: what takes long is started, and
/// followed by its ticket.
/// </summary>
/// <remarks>A node that is not in the cluster is an <see cref="UnknownNodeException"/>.</remarks>
[Alias("dscache.node")]
public interface INodeGrain : IGrainWithStringKey
{
    /// <summary>Starts to get a dataset; a hit is there at once. The same ticket again is the same acquire.</summary>
    [Alias("acquire")]
    Task<WorkMessage> AcquireAsync(AcquireMessage request, CancellationToken cancellationToken);

    /// <summary>Starts to get a dataset that nobody uses yet. Nobody has to follow it.</summary>
    [Alias("prefetch")]
    Task<WorkMessage> PrefetchAsync(AcquireMessage request, CancellationToken cancellationToken);

    /// <summary>Waits up to a second for something that was started to be over; says how far it is.</summary>
    [Alias("follow")]
    Task<WorkMessage> FollowAsync(string ticket, CancellationToken cancellationToken);

    /// <returns>False where nobody knows the ticket.</returns>
    [Alias("abandon")]
    Task<bool> AbandonAsync(string ticket);

    /// <summary>Prolongs a lease.</summary>
    /// <returns>Null where it ran out or is unknown: get the dataset again.</returns>
    [Alias("renew")]
    Task<LeaseMessage?> RenewAsync(string lease);

    /// <returns>False where there was none.</returns>
    [Alias("release")]
    Task<bool> ReleaseAsync(string lease);

    /// <summary>Has a job's link, which the caller has made, protect its entry from now on. The caller holds a lease on it until this returns.</summary>
    [Alias("link")]
    Task<LinkOutcomeMessage> RegisterLinkAsync(LinkMessage link);

    /// <summary>Forgets a job's link, which the caller has removed.</summary>
    [Alias("unlink")]
    Task<bool> ForgetLinkAsync(string link);

    [Alias("evict")]
    Task<EvictedMessage> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken);

    /// <returns>False where there is no such entry.</returns>
    [Alias("pin")]
    Task<bool> PinAsync(string cacheKey);

    /// <returns>Whether there was a pin or a hold.</returns>
    [Alias("unpin")]
    Task<bool> UnpinAsync(string cacheKey);

    /// <summary>Starts to look at an entry, and to heal it.</summary>
    [Alias("verify")]
    Task<WorkMessage> VerifyAsync(VerifyMessage request);

    /// <summary>Starts to scrub what is due, or all.</summary>
    [Alias("scrub")]
    Task<WorkMessage> ScrubAsync(ScrubMessage request);

    /// <summary>What the node's cache did from one day to another, both included.</summary>
    [Alias("statistics")]
    Task<StatisticsMessage> StatisticsAsync(DateOnly from, DateOnly to);

    /// <summary>The same by day, and the most used keys.</summary>
    [Alias("usage")]
    Task<UsageMessage> UsageAsync(DateOnly from, DateOnly to);

    /// <summary>The entries after a cache key, in the order of their keys, at most 1,000.</summary>
    /// <param name="after">Null for the first.</param>
    [Alias("entries")]
    Task<ImmutableArray<EntryMessage>> EntriesAsync(string? after, int count);

    /// <summary>What the node has and what it is fetching, in the order of the cache keys.</summary>
    [Alias("cells")]
    Task<ImmutableArray<CellMessage>> CellsAsync(CellsRequest request);

    /// <summary>What happened to an entry, the newest first, at most 1,000; also to one that is gone.</summary>
    [Alias("history")]
    Task<ImmutableArray<EventMessage>> HistoryAsync(string cacheKey, int count);

    /// <summary>Whether the node has such an entry, be it broken.</summary>
    [Alias("has")]
    Task<bool> HasAsync(string cacheKey);

    /// <returns>Null where there is no such entry; one that is on its way is none yet.</returns>
    [Alias("inspect")]
    Task<EntryDetailMessage?> InspectAsync(string cacheKey);

    /// <summary>The files of an entry after a path, in the order of their paths, at most 200.</summary>
    /// <param name="after">Null for the first.</param>
    /// <returns>Null where there is no such entry, or it is broken.</returns>
    [Alias("files")]
    Task<FilesMessage?> FilesAsync(string cacheKey, string? after, int count);

    /// <returns>False where there is no such entry.</returns>
    [Alias("priority")]
    Task<bool> SetPriorityAsync(string cacheKey, PriorityMessage priority);

    /// <summary>How many bytes of each of these datasets the node has, in their order.</summary>
    [Alias("held")]
    Task<ImmutableArray<long>> HeldBytesAsync(ImmutableArray<DatasetMessage> datasets);

    [Alias("status")]
    Task<NodeState> StatusAsync();

    /// <summary>What the node knows about its part in a dataset, for the dataset's coordinator.</summary>
    [Alias("describe")]
    Task<NodeHoldingMessage> DescribeAsync(string key, CancellationToken cancellationToken);

    /// <summary>The same as <see cref="StatusAsync"/>: the Orleans dashboard calls a method of this name.</summary>
    [Alias("state")]
    Task<NodeState> GetState();
}
