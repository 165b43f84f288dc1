using System.Reflection;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Integrity;
using DatasetCache.Statistics;
using DatasetCache.Transfers;

namespace DatasetCache.Hosting.Node;

/// <summary>A <see cref="LocalDatasetCache"/> as a daemon offers it. One on a cache root at a time: see <see cref="Store.NodeLock"/>.</summary>
internal sealed class NodeService : INodeService, IAsyncDisposable
{
    public static readonly TimeSpan DefaultLeaseTtl = TimeSpan.FromMinutes(2);

    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private static readonly string ProductVersion = typeof(NodeService).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private readonly LocalDatasetCache cache;
    private readonly INodeHoldings? holdings;
    private readonly TimeProvider time;
    private readonly NodeLeases leases;
    private readonly NodeWorks works;
    private readonly NodeRates rates;
    private readonly ITimer sweeper;
    private readonly long started;
    private int ended;

    /// <param name="holdings">What is known for coordinators; null for a host of its own.</param>
    public NodeService(string node, LocalDatasetCache cache, INodeHoldings? holdings, TimeProvider time, TimeSpan? leaseTtl = null)
    {
        Node = node;
        LeaseTtl = leaseTtl ?? DefaultLeaseTtl;
        this.cache = cache;
        this.holdings = holdings;
        this.time = time;
        started = time.GetTimestamp();
        leases = new NodeLeases(cache, time, node, LeaseTtl);
        works = new NodeWorks(time, LeaseTtl);
        rates = new NodeRates(cache.Totals, time);
        sweeper = time.CreateTimer(_ => Sweep(), state: null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public string Node { get; }

    public TimeSpan LeaseTtl { get; }

    public ValueTask<NodeWork> AcquireAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return works.Start(request.Ticket, mustBeFollowed: !request.IsPrefetch, (work, cancel) => GetAsync(request, work, cancel)).WaitAsync(Short(wait), cancellationToken);
    }

    private async Task<NodeWork> GetAsync(NodeAcquire request, Work work, CancellationToken cancellationToken)
    {
        var lease = await cache.AcquireAsync(
            new AcquireRequest
            {
                Dataset = request.Dataset,
                AllowMissing = request.AllowMissing,
                Refresh = request.Refresh,
                IsPrefetch = request.IsPrefetch,
                Hold = request.Hold,
                JobId = request.JobId,
            },
            work, cancellationToken);
        NodeLease? named = null;
        if (request.IsPrefetch)
            await lease.DisposeAsync();
        else
            named = leases.Add(lease.CacheKey, request.JobId, new Taken(lease, () => works.Forget(work.Now.Ticket)));
        return new NodeWork(work.Now.Ticket, NodeWorkState.Done)
        {
            Progress = work.Now.Progress,
            Dataset = new NodeDataset
            {
                Lease = named,
                CacheKey = lease.CacheKey,
                SnapshotPath = lease.SnapshotPath,
                Outcome = lease.Outcome,
                Files = lease.Files,
                Bytes = lease.Bytes,
                FilesFromOrigin = lease.FilesFromOrigin,
                BytesFromOrigin = lease.BytesFromOrigin,
                ReusedBytes = lease.ReusedBytes,
                SharedBytes = lease.SharedBytes,
                BytesFromPeers = lease.BytesFromPeers,
                Changes = lease.Changes,
                StaleSince = lease.StaleSince,
                Elapsed = lease.Elapsed,
            },
        };
    }

    public NodeWork Verify(string? ticket, string cacheKey, VerifyLevel level, bool heal) => works.Start(ticket, mustBeFollowed: false, async (work, cancel) =>
    {
        var progress = new Forwarded<VerifyProgress>(done => work.Report(work.Now with { Verifying = done }));
        var result = await cache.VerifyAsync(cacheKey, new VerifyOptions { Level = level, Heal = heal, Progress = progress }, cancel);
        return new NodeWork(work.Now.Ticket, NodeWorkState.Done) { Verified = result };
    }).Now;

    public NodeWork Scrub(string? ticket, ScrubOptions options) => works.Start(ticket, mustBeFollowed: false, async (work, cancel)
        => new NodeWork(work.Now.Ticket, NodeWorkState.Done) { Scrubbed = await cache.ScrubAsync(options, cancel) }).Now;

    public ValueTask<NodeWork> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken) => works.Find(ticket) is { } work
        ? work.WaitAsync(Short(wait), cancellationToken)
        : ValueTask.FromResult(new NodeWork(ticket, NodeWorkState.Unknown));

    public bool Abandon(string ticket)
    {
        if (works.Find(ticket) is not { } work)
            return false;
        work.Abandon();
        return true;
    }

    public int Leases => leases.Count;

    public NodeLease? Renew(string lease) => leases.Renew(lease);

    public bool Release(string lease) => leases.Release(lease);

    public NodeLinkOutcome RegisterLink(NodeLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (leases.Find(link.Lease) is not { } lease)
            return NodeLinkOutcome.NoLease;
        return cache.RegisterLink(link.Link, lease.CacheKey, link.Mode, link.JobId) ? NodeLinkOutcome.Registered : NodeLinkOutcome.NotSeen;
    }

    public bool ForgetLink(string link) => cache.ForgetLink(link);

    public Task<EvictionResult> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken)
    {
        leases.FreeIfIdle(cacheKey);
        return cache.EvictAsync(cacheKey, dryRun, cancellationToken);
    }

    public bool Pin(string cacheKey) => cache.Pin(cacheKey);

    public bool Unpin(string cacheKey)
    {
        var ended = cache.Unpin(cacheKey);
        // It ended all holds; those who have a lease keep theirs.
        leases.Reprotect(cacheKey);
        return ended;
    }

    public IReadOnlyList<EntrySummary> List() => cache.List();

    public IReadOnlyList<EntrySummary> List(string? after, int count) => cache.List(after, count);

    public bool Has(string cacheKey) => cache.Has(cacheKey);

    public int LeasesOn(string cacheKey) => leases.CountOn(cacheKey);

    public IReadOnlyList<DatasetDownload> Downloads() => cache.Downloads();

    public bool SetPriority(string cacheKey, EntryPriority priority) => cache.SetPriority(cacheKey, priority);

    public IReadOnlyList<EntryEvent> History(string? cacheKey, int most) => cache.History(cacheKey, most);

    public EntrySummary? Inspect(string cacheKey) => cache.Inspect(cacheKey);

    public EntryExplanation? Explain(string cacheKey) => cache.Explain(cacheKey);

    public IReadOnlyList<ManifestFile>? Files(string cacheKey, string? after, int count)
    {
        using var reading = cache.TryRead(cacheKey, isUse: false);
        return reading?.After(after, count);
    }

    public UsageStatistics Statistics(DateOnly from, DateOnly to) => cache.Statistics(from, to);

    public NodeStatus Status()
    {
        var (entries, bytes) = cache.Counts();
        return new NodeStatus
        {
            Node = Node,
            Version = ProductVersion,
            CacheRoot = cache.Room.Path,
            Space = cache.Space(),
            Entries = entries,
            Bytes = bytes,
            Leases = leases.Count,
            Working = works.UnderWay(100),
            Uptime = time.GetElapsedTime(started),
            Rates = rates.Now(),
            Memory = cache.Totals.Memory?.Invoke() ?? default,
            Downloads = cache.Downloads(),
        };
    }

    public NodeHolding Describe(string key) => holdings?.Describe(key) ?? new NodeHolding { From = new Peer(Node, ""), Seen = Epoch.None };

    public IReadOnlyList<long> HeldBytes(IReadOnlyList<DatasetRef> datasets) => [.. datasets.Select(cache.HeldBytes)];

    /// <summary>Gives up what is under way; the leases stay for the next daemon.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref ended, 1) != 0)
            return;
        await sweeper.DisposeAsync();
        await works.DisposeAsync();
        leases.Dispose();
    }

    private void Sweep()
    {
        rates.Sample();
        try
        {
            leases.Sweep();
            works.Sweep();
        }
        catch (DatasetCacheException)
        {
            // The disk refuses; the next second tries again.
        }
        catch (ObjectDisposedException)
        {
            // It ended meanwhile.
        }
    }

    private static TimeSpan Short(TimeSpan wait) => wait < LongestWait ? wait : LongestWait;

    // Whoever has let go of his lease does not ask for its ticket again.
    private sealed class Taken(DatasetLease lease, Action forget) : IDisposable
    {
        public void Dispose()
        {
            forget();
            // A local lease ends at once.
            _ = lease.DisposeAsync();
        }
    }

    private sealed class Forwarded<T>(Action<T> to) : IProgress<T>
    {
        public void Report(T value) => to(value);
    }
}
