using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Hosting.Node;

/// <summary>What a caller wants. No job directory: the caller makes its link itself, in its own name, and has it registered.</summary>
internal sealed record NodeAcquire
{
    public required DatasetRef Dataset { get; init; }

    /// <summary>The caller's name for this acquire, at most 64 of A-Z, a-z, 0-9, '-' and '_'; null to be given one.</summary>
    public string? Ticket { get; init; }

    public bool AllowMissing { get; init; }

    /// <summary>Ask the origin what a mutable dataset is now, however lately it was asked.</summary>
    public bool Refresh { get; init; }

    /// <summary>Nobody uses it yet: there is no lease on the outcome.</summary>
    public bool IsPrefetch { get; init; }

    /// <summary>Protect the dataset for so long whatever happens to the lease.</summary>
    public TimeSpan? Hold { get; init; }

    public string? JobId { get; init; }
}

internal enum NodeWorkState
{
    Running,
    Done,
    Failed,
    /// <summary>No such ticket, or it was over too long ago.</summary>
    Unknown,
}

/// <summary>How far something is that was started, or what came of it.</summary>
internal sealed record NodeWork(string Ticket, NodeWorkState State)
{
    /// <summary>Null where nothing was said yet.</summary>
    public AcquireProgress? Progress { get; init; }

    /// <summary>Of an acquire that is done.</summary>
    public NodeDataset? Dataset { get; init; }

    public VerifyProgress? Verifying { get; init; }

    /// <summary>Of a verify that is done; null where there is no such entry.</summary>
    public VerifyResult? Verified { get; init; }

    public ScrubReport? Scrubbed { get; init; }

    public NodeFailure? Failure { get; init; }
}

/// <summary>A dataset that is ready on this host.</summary>
internal sealed record NodeDataset
{
    /// <summary>Null for a prefetch.</summary>
    public NodeLease? Lease { get; init; }

    public required string CacheKey { get; init; }

    public required string SnapshotPath { get; init; }

    public required AcquireOutcome Outcome { get; init; }

    public required long Files { get; init; }

    public required long Bytes { get; init; }

    public required long FilesFromOrigin { get; init; }

    public required long BytesFromOrigin { get; init; }

    public required long ReusedBytes { get; init; }

    public required long SharedBytes { get; init; }

    public required long BytesFromPeers { get; init; }

    public VersionChanges? Changes { get; init; }

    public DateTimeOffset? StaleSince { get; init; }

    public required TimeSpan Elapsed { get; init; }
}

/// <summary>Protects an entry until it is released, or nobody renews it for <paramref name="Ttl"/>. Outlives the daemon.</summary>
/// <param name="Id">Who knows it may renew and release it.</param>
internal sealed record NodeLease(string Id, string CacheKey, TimeSpan Ttl, string? JobId = null);

/// <summary>A <see cref="DatasetCacheException"/> on its way to another process.</summary>
internal sealed record NodeFailure(ErrorCode Code, string Message, string? Advice, bool IsWorthRetrying)
{
    public static NodeFailure Of(Exception e) => e is DatasetCacheException known
        ? new(known.Code, known.Message, known.Advice, known.IsWorthRetrying)
        : new(ErrorCode.Internal, $"{e.GetType().Name}: {e.Message}", "This is a defect of DatasetCache; the node's log has the whole of it.", IsWorthRetrying: false);
}

/// <summary>A job's link that its job has made.</summary>
/// <param name="Link">Absolute path.</param>
/// <param name="Mode">A copy needs nobody's protection; it is registered so that a release knows it.</param>
/// <param name="Lease">A lease on the entry that it stands for.</param>
internal sealed record NodeLink(string Link, LinkMode Mode, string Lease, string? JobId);

internal enum NodeLinkOutcome
{
    Registered,
    /// <summary>The lease ran out or is unknown.</summary>
    NoLease,
    /// <summary>This node does not see the link, or it stands for something else (a container with another view of the disk): it protects nothing, keep the lease.</summary>
    NotSeen,
}

/// <summary>What a node is and has. Bounded.</summary>
internal sealed record NodeStatus
{
    public required string Node { get; init; }

    public required string Version { get; init; }

    public required string CacheRoot { get; init; }

    public required SpaceReport Space { get; init; }

    public required int Entries { get; init; }

    /// <summary>Bytes of the entries' files, as origins count them.</summary>
    public required long Bytes { get; init; }

    public required int Leases { get; init; }

    /// <summary>What is under way, at most 100.</summary>
    public required IReadOnlyList<NodeWork> Working { get; init; }

    public required TimeSpan Uptime { get; init; }

    /// <summary>Of the last seconds.</summary>
    public TransferRates Rates { get; init; }

    /// <summary>Bytes that the memory tier takes and may take; zeros where there is none.</summary>
    public (long Used, long Limit) Memory { get; init; }

    /// <summary>Datasets that are being made ready.</summary>
    public IReadOnlyList<DatasetDownload> Downloads { get; init; } = [];
}
