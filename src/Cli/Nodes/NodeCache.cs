using DatasetCache.Cli.Output;
using DatasetCache.Configuration;
using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;
using DatasetCache.Store;

namespace DatasetCache.Cli.Nodes;

/// <summary>
/// The cache of this host through the node that owns it. The node gets the dataset and keeps it; the link in the job's directory is made here, so that it is the job's own. A node
/// that goes away is waited for; then this process goes on with the store itself.
/// </summary>
internal sealed class NodeCache : HostCache
{
    private const string UnknownTicket = "unknownTicket";
    private const string UnknownLease = "unknownLease";
    private const string ForeignFolder = "foreignFolder";

    // A hit is answered at once; a small miss is over by then.
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WaitWithProgress = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan WaitInSilence = TimeSpan.FromSeconds(5);

    // A minute of a node that stops and does not end.
    private static readonly TimeSpan PauseToBegin = TimeSpan.FromMilliseconds(200);
    private const int MostBeginnings = 300;

    private readonly Session session;
    private readonly Settings settings;
    private readonly NodeCalls calls;
    private LocalDatasetCache? store;

    public NodeCache(Session session, Settings settings, NodeAddress address)
    {
        this.session = session;
        this.settings = settings;
        calls = new NodeCalls(settings.Cache.Root, address, session.Time, Say);
    }

    /// <inheritdoc />
    public override async Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var started = session.Time.GetTimestamp();
        try
        {
            while (true)
            {
                if (await AskAsync(request, progress, cancellationToken) is not { } dataset)
                    break;
                if (await HandAsync(dataset, request, started, cancellationToken) is { } lease)
                    return lease;
            }
        }
        catch (NodeGoneException e)
        {
            Say($"dscache: going on without the node of this host: {e.Message}.");
        }
        return await Store().AcquireAsync(request, progress, cancellationToken);
    }

    /// <inheritdoc />
    public override async Task<ReleaseResult> ReleaseAsync(string jobDirectory)
    {
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(settings.Cache.Root));
        var released = NodeLinkRegister.Remove(root, jobDirectory);
        try
        {
            await calls.SendAsync("DELETE", "/v1/links?link=" + Uri.EscapeDataString(released.Link), default, TimeSpan.Zero, CancellationToken.None);
        }
        catch (NodeGoneException)
        {
            // A record of a link that is gone protects nothing, and is swept.
        }
        return released;
    }

    public override async ValueTask DisposeAsync()
    {
        calls.Dispose();
        if (store is not null)
            await store.DisposeAsync();
    }

    /// <summary>Null where the node will not read what is asked for, and this process may.</summary>
    internal async Task<NodeDataset?> AskAsync(AcquireRequest request, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        var ticket = NewTicket();
        var anew = 0;
        try
        {
            var answer = await calls.SendAsync("POST", "/v1/acquire", NodeDocuments.Acquire(request, DefaultOrigin(), Endpoint(), ticket, FirstWait), FirstWait, cancellationToken);
            while (true)
            {
                if (answer.Status is not (200 or 202))
                {
                    var (code, exception) = NodeDocuments.Read(answer, NodeDocuments.Problem);
                    if (code is ForeignFolder)
                        return null;
                    if (code is not UnknownTicket)
                        throw exception;
                    // The node stops, or was started anew since: what has arrived is in the journal.
                    if (++anew > MostBeginnings)
                        throw exception;
                    await Task.Delay(PauseToBegin, session.Time, cancellationToken);
                    ticket = NewTicket();
                    answer = await calls.SendAsync("POST", "/v1/acquire", NodeDocuments.Acquire(request, DefaultOrigin(), Endpoint(), ticket, FirstWait), FirstWait, cancellationToken);
                    continue;
                }
                var (isDone, now, dataset) = NodeDocuments.Read(answer, NodeDocuments.Work);
                if (now is not null)
                    progress?.Report(now);
                if (isDone)
                    return dataset ?? throw new NodeException(ErrorCode.Internal, "The node said that it was done, and not with what.", advice: null, isWorthRetrying: false);
                var wait = progress is null ? WaitInSilence : WaitWithProgress;
                answer = await calls.SendAsync("GET", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/v1/acquisitions/{ticket}?wait={wait.TotalSeconds}"), default, wait, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            calls.TrySend("DELETE", "/v1/acquisitions/" + ticket);
            throw;
        }
    }

    // Not from RandomNumberGenerator, which loads OpenSSL first.
    private static string NewTicket() => Guid.NewGuid().ToString("N");

    internal async ValueTask<NodeAnswer> RenewAsync(string lease) => await calls.SendAsync("POST", $"/v1/leases/{lease}/renew", default, TimeSpan.Zero, CancellationToken.None);

    internal void EndLease(string lease) => calls.TrySend("DELETE", "/v1/leases/" + lease);

    /// <summary>The lock that keeps an entry where no node does.</summary>
    internal EntryLease? TryLease(string cacheKey) => Store().TryLeaseByKey(cacheKey);

    // Null where the lease ran out before the link was registered.
    private async ValueTask<DatasetLease?> HandAsync(NodeDataset dataset, AcquireRequest request, long started, CancellationToken cancellationToken)
    {
        // Renewed from here on: a copy may take longer than a lease lasts.
        var held = dataset.Lease is { } lease ? new LeaseRenewal(this, session.Time, request, lease) : null;
        try
        {
            var path = dataset.SnapshotPath;
            var outcome = NodeLinkOutcome.Registered;
            if (request.JobDirectory is not null && held is not null)
            {
                // The node's own name of the root: links are compared with it.
                var root = Path.GetDirectoryName(Path.GetDirectoryName(dataset.SnapshotPath))!;
                var register = new NodeLinkRegister(root, held.Id, RegisterAsync);
                path = await new JobLink(root, register).MakeAsync(request.JobDirectory, dataset.CacheKey, request.Link, request.JobId, cancellationToken);
                outcome = register.Outcome;
            }
            if (outcome == NodeLinkOutcome.NoLease)
            {
                held?.Dispose();
                return null;
            }
            return new HeldLease(held)
            {
                Path = path,
                SnapshotPath = dataset.SnapshotPath,
                CacheKey = dataset.CacheKey,
                Outcome = dataset.Outcome,
                Files = dataset.Files,
                Bytes = dataset.Bytes,
                FilesFromOrigin = dataset.FilesFromOrigin,
                BytesFromOrigin = dataset.BytesFromOrigin,
                ReusedBytes = dataset.ReusedBytes,
                SharedBytes = dataset.SharedBytes,
                BytesFromPeers = dataset.BytesFromPeers,
                Changes = dataset.Changes,
                StaleSince = dataset.StaleSince,
                IsUnregistered = outcome == NodeLinkOutcome.NotSeen,
                Elapsed = session.Time.GetElapsedTime(started),
            };
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    private async ValueTask<NodeLinkOutcome> RegisterAsync(NodeLink link, CancellationToken cancellationToken)
    {
        var answer = await calls.SendAsync("POST", "/v1/links", NodeDocuments.Link(link), TimeSpan.Zero, cancellationToken);
        if (answer.Status == 200)
            return NodeDocuments.Read(answer, json => json.GetProperty("outcome").GetString() is "registered" ? NodeLinkOutcome.Registered : NodeLinkOutcome.NotSeen);
        var (code, exception) = NodeDocuments.Read(answer, NodeDocuments.Problem);
        return code is UnknownLease ? NodeLinkOutcome.NoLease : throw exception;
    }

    private LocalDatasetCache Store() => store ??= session.OpenCache(settings);

    // What this process is set to, as it would read it itself; null leaves it to the node.
    private string? DefaultOrigin() => settings.Origin.Url is { } url
        ? url.Contains("://", StringComparison.Ordinal) ? url : Path.GetFullPath(url)
        : settings.Origin.Bucket is { } bucket ? "s3://" + bucket : null;

    private string? Endpoint() => settings.Origin.Endpoint;

    private void Say(string words)
    {
        if (!settings.Quiet)
            Stdio.Note(words);
    }

    private sealed class HeldLease(LeaseRenewal? renewal) : DatasetLease
    {
        public override ValueTask DisposeAsync()
        {
            renewal?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
