using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Integrity;
using DatasetCache.Statistics;
using DatasetCache.Transfers;

namespace DatasetCache.Hosting.Node;

/// <summary>
/// The cache of this host as a daemon offers it to those who are not in its process: by tickets and leases that have names. Nothing here waits for a download; what takes
/// long is started and followed. Safe for any number of callers at once.
/// </summary>
internal interface INodeService
{
    /// <summary>This node's id.</summary>
    string Node { get; }

    /// <summary>How long a lease holds without being renewed.</summary>
    TimeSpan LeaseTtl { get; }

    /// <summary>How many leases processes hold.</summary>
    int Leases { get; }

    /// <summary>
    /// Starts to get a dataset, and waits a moment for it: a hit is there at once. The same ticket again is the same acquire, so a caller whose answer got lost asks again.
    /// Nobody has to follow a prefetch; any other acquire is given up when nobody has followed it for <see cref="LeaseTtl"/>.
    /// </summary>
    /// <param name="wait">At most so long, and at most 5 s.</param>
    ValueTask<NodeWork> AcquireAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>Starts to verify an entry; <see cref="FollowAsync"/> says what came of it.</summary>
    /// <param name="ticket">The caller's name for it; null to be given one.</param>
    NodeWork Verify(string? ticket, string cacheKey, VerifyLevel level, bool heal);

    /// <summary>Starts to scrub what is due, or everything.</summary>
    NodeWork Scrub(string? ticket, ScrubOptions options);

    /// <summary>How far something is, or what came of it. Returns as soon as it is over, or when <paramref name="wait"/> is; <see cref="NodeWorkState.Unknown"/> where nobody
    /// knows the ticket (any more): the node was started anew, and the caller asks again.</summary>
    ValueTask<NodeWork> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>Gives up what was started; others who wait for the same dataset go on.</summary>
    /// <returns>False where nobody knows the ticket.</returns>
    bool Abandon(string ticket);

    /// <summary>Prolongs a lease by <see cref="LeaseTtl"/> from now.</summary>
    /// <returns>Null where it ran out or is unknown: get the dataset again.</returns>
    NodeLease? Renew(string lease);

    /// <returns>False where there was none.</returns>
    bool Release(string lease);

    /// <summary>
    /// Has a job's link protect its entry from now on. Whoever asks made it himself, so that it is his own, and holds a lease on the entry until this returns.
    /// </summary>
    NodeLinkOutcome RegisterLink(NodeLink link);

    /// <summary>Forgets a job's link, which the caller has removed.</summary>
    /// <returns>False where it is not registered.</returns>
    bool ForgetLink(string link);

    Task<EvictionResult> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken);

    /// <returns>False where there is no such entry.</returns>
    bool Pin(string cacheKey);

    /// <returns>Whether there was a pin or a hold.</returns>
    bool Unpin(string cacheKey);

    /// <summary>Every entry that is ready, by cache key.</summary>
    IReadOnlyList<EntrySummary> List();

    /// <summary>The same after a cache key, at most so many.</summary>
    /// <param name="after">Null for the first.</param>
    IReadOnlyList<EntrySummary> List(string? after, int count);

    /// <summary>Whether there is such an entry, be it torn.</summary>
    bool Has(string cacheKey);

    /// <summary>How many leases there are on an entry by name.</summary>
    int LeasesOn(string cacheKey);

    /// <summary>What is being made ready now.</summary>
    IReadOnlyList<DatasetDownload> Downloads();

    /// <returns>False where there is no such entry.</returns>
    bool SetPriority(string cacheKey, EntryPriority priority);

    /// <summary>What happened to an entry, the newest first; to all where it is null.</summary>
    IReadOnlyList<EntryEvent> History(string? cacheKey, int most);

    /// <summary>Null where there is none of that name.</summary>
    EntrySummary? Inspect(string cacheKey);

    /// <summary>Null where there is none of that name.</summary>
    EntryExplanation? Explain(string cacheKey);

    /// <summary>The files of an entry after a path, in the order of their paths, at most so many.</summary>
    /// <param name="after">Null for the first.</param>
    /// <returns>Null where there is no such entry to read from.</returns>
    IReadOnlyList<ManifestFile>? Files(string cacheKey, string? after, int count);

    UsageStatistics Statistics(DateOnly from, DateOnly to);

    NodeStatus Status();

    /// <summary>What this node knows about its part in a dataset, for the dataset's coordinator.</summary>
    /// <param name="key">The dataset's name in the cluster: <see cref="ClusterKey"/>.</param>
    NodeHolding Describe(string key);

    /// <summary>How many bytes of these datasets are here, 0 for each that is not: for whoever chooses a host for a job.</summary>
    IReadOnlyList<long> HeldBytes(IReadOnlyList<DatasetRef> datasets);
}
