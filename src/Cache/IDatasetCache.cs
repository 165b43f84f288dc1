using DatasetCache.Datasets;

namespace DatasetCache;

/// <summary>Hands a job a read-only local directory for the dataset version that it names. The same on one host and on a cluster.</summary>
public interface IDatasetCache : IAsyncDisposable
{
    /// <summary>
    /// Gets the dataset, from disk or else from its origin, once however many ask; protects it and, where a job directory is named, links
    /// <c>{JobDirectory}/dataset</c> to it.
    /// </summary>
    /// <exception cref="DatasetCacheException">With a code that says what went wrong and whether a retry is worth it.</exception>
    Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default);
}

public sealed record AcquireRequest
{
    public required DatasetRef Dataset { get; init; }

    /// <summary>The job's directory, absolute; null for a lease alone.</summary>
    public string? JobDirectory { get; init; }

    public LinkMode Link { get; init; } = LinkMode.Symlink;

    /// <summary>Take the dataset although its annotations name images that are not there.</summary>
    public bool AllowMissing { get; init; }

    /// <summary>Protect the dataset for so long whatever happens to lease and link: for a path that is used without them. Null for not at all.</summary>
    public TimeSpan? Hold { get; init; }

    /// <summary>Ask the origin what a mutable dataset is now, however lately it was asked.</summary>
    public bool Refresh { get; init; }

    /// <summary>Nobody uses it yet: statistics count what is read from the origin, but neither a hit nor a miss.</summary>
    public bool IsPrefetch { get; init; }

    /// <summary>Who asks, for people who look at what is held (JOB_ID). All calls for one job get one version of a mutable dataset.</summary>
    public string? JobId { get; init; }
}

/// <summary>What <c>{JobDirectory}/dataset</c> is.</summary>
public enum LinkMode
{
    /// <summary>One symbolic link to the snapshot's directory.</summary>
    Symlink,
    /// <summary>Real directories with a symbolic link per file, for tools that write beside the data.</summary>
    Tree,
    /// <summary>A copy of its own, writable, not protected from anything once made.</summary>
    Copy,
}

public enum AcquireOutcome
{
    Hit,
    Miss,
}

/// <summary>A dataset that is ready, and protected from eviction until this is disposed or, with a job directory, until its link is gone.</summary>
public abstract class DatasetLease : IAsyncDisposable
{
    /// <summary>Where the job finds its data: <c>{JobDirectory}/dataset</c>, or the snapshot itself without a job directory.</summary>
    public required string Path { get; init; }

    public required string SnapshotPath { get; init; }

    public required string CacheKey { get; init; }

    public required AcquireOutcome Outcome { get; init; }

    public required long Files { get; init; }

    public required long Bytes { get; init; }

    public required long FilesFromOrigin { get; init; }

    /// <summary>Body bytes that this call read from the origin, metadata and repeats included.</summary>
    public required long BytesFromOrigin { get; init; }

    /// <summary>Bytes linked or copied from other versions on this host, or kept from an interrupted download.</summary>
    public required long ReusedBytes { get; init; }

    /// <summary>Bytes copied from shared roots (<see cref="CacheOptions.SharedRoots"/>) instead of read from the origin.</summary>
    public long SharedBytes { get; init; }

    /// <summary>Bytes that came from other nodes of the cluster instead of the origin.</summary>
    public long BytesFromPeers { get; init; }

    /// <summary>Of a mutable dataset that this call found in another version than was known before: what changed.</summary>
    public VersionChanges? Changes { get; init; }

    /// <summary>Set where the origin could not be asked and the last known version must do: when it was last confirmed.</summary>
    public DateTimeOffset? StaleSince { get; init; }

    /// <summary>
    /// True where this user may only read the cache, so that the job's link could not be registered: it protects nothing once this lease is disposed. Hold
    /// the lease for as long as the data is read, or copy it (<see cref="LinkMode.Copy"/>).
    /// </summary>
    public bool IsUnregistered { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public abstract ValueTask DisposeAsync();
}

public enum AcquirePhase
{
    /// <summary>Another process or thread of this host downloads the same dataset.</summary>
    Waiting,
    Listing,
    /// <summary>Checking what an interrupted download left.</summary>
    Resuming,
    Downloading,
    Publishing,
    /// <summary>Writing entries into an archive.</summary>
    Exporting,
    /// <summary>Taking entries out of an archive.</summary>
    Importing,
}

/// <summary>How far it is. Totals are 0 until the listing is done.</summary>
public sealed record AcquireProgress(
    AcquirePhase Phase, string CacheKey, long FilesDone, long FilesTotal, long BytesDone, long BytesTotal, long BytesFromOrigin)
{
    /// <summary>The key that the entry is going to have, as soon as it is known: <see cref="CacheKey"/> is what people call it meanwhile.</summary>
    public string? EntryKey { get; init; }
}
