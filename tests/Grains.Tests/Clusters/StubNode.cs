using System.Collections.Concurrent;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Hosting.Node;
using DatasetCache.Integrity;
using DatasetCache.Statistics;
using DatasetCache.Transfers;

namespace DatasetCache.Grains.Tests.Clusters;

/// <summary>A node without a disk: says what a test wants it to hold.</summary>
internal sealed class StubNode(string node) : INodeService
{
    public string Node => node;

    public TimeSpan LeaseTtl => TimeSpan.FromMinutes(2);

    public int Leases => 0;

    public ConcurrentDictionary<string, NodeHolding> Holdings { get; } = new(StringComparer.Ordinal);

    /// <summary>The highest epoch that it heard of, as it tells who asks.</summary>
    public Epoch Seen { get; set; }

    /// <summary>How often a coordinator asked.</summary>
    public ConcurrentDictionary<string, int> Asked { get; } = new(StringComparer.Ordinal);

    public long Bytes { get; set; }

    public NodeHolding Describe(string key)
    {
        Asked.AddOrUpdate(key, 1, (_, count) => count + 1);
        return Holdings.GetValueOrDefault(key) ?? new NodeHolding { From = new Peer(node, node + ":1"), Seen = Seen };
    }

    public NodeStatus Status() => new()
    {
        Node = node,
        Version = "0",
        CacheRoot = "/" + node,
        Space = new SpaceReport(100, 90, 0, 0, 0, 100, 5),
        Entries = 0,
        Bytes = Bytes,
        Leases = 0,
        Working = [],
        Uptime = TimeSpan.FromSeconds(1),
    };

    public IReadOnlyList<long> HeldBytes(IReadOnlyList<DatasetRef> datasets) => [.. datasets.Select(_ => Bytes)];

    public ValueTask<NodeWork> AcquireAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken)
        => throw new DatasetNotFoundException("No such dataset.", "Look at its name.");

    public ValueTask<NodeWork> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken) => ValueTask.FromResult(new NodeWork(ticket, NodeWorkState.Unknown));

    public NodeWork Verify(string? ticket, string cacheKey, VerifyLevel level, bool heal) => throw new NotSupportedException();

    public NodeWork Scrub(string? ticket, ScrubOptions options) => throw new NotSupportedException();

    public bool Abandon(string ticket) => false;

    public NodeLease? Renew(string lease) => null;

    public bool Release(string lease) => false;

    public NodeLinkOutcome RegisterLink(NodeLink link) => NodeLinkOutcome.NoLease;

    public bool ForgetLink(string link) => false;

    public Task<EvictionResult> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken) => throw new NotSupportedException();

    public bool Pin(string cacheKey) => false;

    public bool Unpin(string cacheKey) => false;

    public IReadOnlyList<EntrySummary> List() => [];

    public IReadOnlyList<EntrySummary> List(string? after, int count) => [.. Entries.Values.Where(entry => after is null || string.CompareOrdinal(entry.CacheKey, after) > 0).OrderBy(entry => entry.CacheKey, StringComparer.Ordinal).Take(count)];

    /// <summary>What it holds, by cache key.</summary>
    public ConcurrentDictionary<string, EntrySummary> Entries { get; } = new(StringComparer.Ordinal);

    /// <summary>What it is fetching.</summary>
    public ConcurrentBag<DatasetDownload> Fetching { get; } = [];

    public bool Has(string cacheKey) => Entries.ContainsKey(cacheKey);

    public int LeasesOn(string cacheKey) => 0;

    public IReadOnlyList<DatasetDownload> Downloads() => [.. Fetching];

    public bool SetPriority(string cacheKey, EntryPriority priority) => false;

    public IReadOnlyList<EntryEvent> History(string? cacheKey, int most) => [];

    public EntrySummary? Inspect(string cacheKey) => Entries.GetValueOrDefault(cacheKey);

    public EntryExplanation? Explain(string cacheKey) => null;

    public IReadOnlyList<ManifestFile>? Files(string cacheKey, string? after, int count) => null;

    /// <summary>What its cache did, by day.</summary>
    public ConcurrentDictionary<DateOnly, UsageTally> Days { get; } = new();

    /// <summary>How often somebody asked what its cache did.</summary>
    public int Counted { get; private set; }

    /// <summary>Whether it fails who asks that.</summary>
    public bool IsIll { get; set; }

    public UsageStatistics Statistics(DateOnly from, DateOnly to)
    {
        Counted++;
        if (IsIll)
            throw new InvalidOperationException("It is ill.");
        var days = Days.Where(day => day.Key >= from && day.Key <= to).OrderBy(day => day.Key).Select(day => new DayStatistics(day.Key, day.Value)).ToArray();
        var total = days.Aggregate(default(UsageTally), (sum, day) => sum + day.Tally);
        return new UsageStatistics(from, to, total, days, [new EntryStatistics("snap_1", total)]);
    }
}
