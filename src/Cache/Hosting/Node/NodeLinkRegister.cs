using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Hosting.Node;

/// <summary>Has a job's link registered by the node that owns the cache: whoever makes the link may not be allowed to write there.</summary>
/// <param name="root">The cache root's absolute path.</param>
/// <param name="lease">The lease on the entry that the link stands for.</param>
/// <param name="registerAsync">Asks the node.</param>
internal sealed class NodeLinkRegister(string root, string lease, Func<NodeLink, CancellationToken, ValueTask<NodeLinkOutcome>> registerAsync) : ILinkRegister
{
    /// <summary>What the node said to the last link.</summary>
    public NodeLinkOutcome Outcome { get; private set; } = NodeLinkOutcome.NotSeen;

    public bool LooksAtLinks => true;

    /// <summary>Beside the link, where a job may write for certain.</summary>
    public async ValueTask<FileLock?> LockAsync(string link, CancellationToken cancellationToken)
        => await FileLock.TakeAsync(new FileSystem().OpenRoot(Path.GetDirectoryName(link)!), ".dscache.lock", Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);

    public RootRecord? Find(string link) => Find(root, link);

    public async ValueTask RegisterAsync(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made, CancellationToken cancellationToken)
        => Outcome = await registerAsync(new NodeLink(link, mode, lease, jobId), cancellationToken);

    /// <summary>Removes a job's link, which the node is then to forget.</summary>
    public static ReleaseResult Remove(string root, string jobDirectory) => new JobLink(root, new Records(root)).Remove(jobDirectory);

    // Null also where this user may not read it.
    private static RootRecord? Find(string root, string link)
    {
        try
        {
            using var directory = new FileSystem().OpenRoot(root);
            using var roots = directory.TryOpenDirectory("roots");
            return roots?.TryReadAll(JobRoots.NameOf(link)) is { } json && RootRecord.FromJson(json) is { } record && string.Equals(record.Link, link, StringComparison.Ordinal) ? record : null;
        }
        catch (StorageException)
        {
            return null;
        }
    }

    // For looking alone.
    private sealed class Records(string root) : ILinkRegister
    {
        public bool LooksAtLinks => true;

        public ValueTask<FileLock?> LockAsync(string link, CancellationToken cancellationToken) => throw new NotSupportedException();

        public RootRecord? Find(string link) => NodeLinkRegister.Find(root, link);

        public ValueTask RegisterAsync(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
