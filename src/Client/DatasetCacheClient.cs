using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Client;

/// <summary>
/// The cluster's cache for a job runner, through the node of its own host. Safe for any number of callers at once. Nodes that go away are waited for
/// (<see cref="DatasetCacheClientOptions.LostNodePatience"/>).
/// </summary>
public sealed class DatasetCacheClient : IDatasetCache
{
    // A node that stops says at once that it knows nothing any more.
    private static readonly TimeSpan PauseToBegin = TimeSpan.FromMilliseconds(250);

    private readonly DatasetCacheClientOptions options;
    private readonly NodeConnection connection;
    private readonly TimeProvider time;

    internal DatasetCacheClient(DatasetCacheClientOptions options, ILoggerFactory? loggers = null, TimeProvider? time = null)
    {
        options.Validate();
        this.options = options;
        this.time = time ?? TimeProvider.System;
        connection = new NodeConnection(options, loggers, this.time);
    }

    /// <summary>Connects to the node of this host, and waits for it where it is not there yet.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ConfigurationException">An option is out of its range.</exception>
    /// <exception cref="NodeException">The node did not answer within <see cref="DatasetCacheClientOptions.LostNodePatience"/>.</exception>
    public static async Task<DatasetCacheClient> ConnectAsync(DatasetCacheClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        var client = new DatasetCacheClient(options ?? new DatasetCacheClientOptions());
        try
        {
            await client.connection.CallAsync(node => node.StatusAsync(), cancellationToken);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc />
    public async Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var started = time.GetTimestamp();
        while (true)
        {
            var ready = await AskAsync(request, progress, cancellationToken);
            if (await HandAsync(ready, request, started, cancellationToken) is { } lease)
                return lease;
        }
    }

    /// <summary>Which hosts already have how many bytes of these datasets, the most first: where a job would wait the least.</summary>
    /// <param name="datasets">At most 100.</param>
    /// <exception cref="NodeException">The node of this host did not answer.</exception>
    public async Task<IReadOnlyList<RecommendedHost>> RecommendHostsAsync(IReadOnlyCollection<DatasetRef> datasets, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(datasets);
        if (datasets.Count > 100)
            throw new InvalidRequestException($"{datasets.Count} datasets were named; at most 100 can be.", "Ask for them in parts.");
        var hosts = await connection.CallAsync(grains => grains.GetGrain<IClusterGrain>(0).RecommendHostsAsync([.. datasets.Select(dataset => dataset.ToMessage())], cancellationToken), cancellationToken);
        return [.. hosts.Select(host => new RecommendedHost(host.Host, host.Bytes, host.PerDataset))];
    }

    /// <summary>Removes a job's link, which then protects nothing any more, as <c>dscache release</c> does.</summary>
    /// <exception cref="InvalidRequestException">What stands there is not this cache's.</exception>
    public async Task<ReleaseResult> ReleaseAsync(string jobDirectory, CancellationToken cancellationToken = default)
    {
        var status = await connection.CallAsync(node => node.StatusAsync(), cancellationToken);
        var released = NodeLinkRegister.Remove(status.CacheRoot, jobDirectory);
        await connection.CallAsync(node => node.ForgetLinkAsync(released.Link), cancellationToken);
        return released;
    }

    /// <summary>Lets go of the connection. Leases that were not disposed end by themselves within minutes.</summary>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    internal async Task<ReadyMessage> AskAsync(AcquireRequest request, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            var ticket = Guid.NewGuid().ToString("N");
            try
            {
                var work = await connection.CallAsync(
                    node => request.IsPrefetch ? node.PrefetchAsync(request.ToMessage(ticket), cancellationToken) : node.AcquireAsync(request.ToMessage(ticket), cancellationToken), cancellationToken);
                while (work.State == WorkStateMessage.Running)
                {
                    Report(work);
                    work = await connection.CallAsync(node => node.FollowAsync(ticket, cancellationToken), cancellationToken);
                    begun = work.State == WorkStateMessage.Running ? time.GetTimestamp() : begun;
                }
                Report(work);
                if (work is { State: WorkStateMessage.Done, Ready: { } ready })
                    return ready;
                if (work.Failure is { } failure)
                    throw failure.ToException();
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await GiveUpAsync(ticket);
                throw;
            }
            // The node stops, or was started anew since: what has arrived is in its journal.
            if (time.GetElapsedTime(begun) > options.LostNodePatience)
                throw new NodeException(ErrorCode.OriginUnreachable, "The node of this host gives up whatever it is asked for: it has been stopping for too long.", "See what its log says.", isWorthRetrying: true);
            await Task.Delay(PauseToBegin, time, cancellationToken);
        }

        void Report(WorkMessage work)
        {
            if (work.Progress is { } now)
                progress?.Report(now.ToProgress());
        }
    }

    internal async Task<bool> RenewAsync(string lease, CancellationToken cancellationToken) => await connection.CallAsync(node => node.RenewAsync(lease), cancellationToken) is not null;

    internal Task EndLeaseAsync(string lease) => TryAsync(node => node.ReleaseAsync(lease));

    private Task GiveUpAsync(string ticket) => TryAsync(node => node.AbandonAsync(ticket));

    // What the node does by itself after a while, if it is not told.
    private async Task TryAsync<T>(Func<INodeGrain, Task<T>> call)
    {
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
            await connection.CallAsync(call, soon.Token);
        }
        catch (Exception e) when (e is DatasetCacheException or OperationCanceledException or ObjectDisposedException)
        {
            // It is not there now.
        }
    }

    // Null where the lease ran out before the link was registered.
    private async ValueTask<DatasetLease?> HandAsync(ReadyMessage ready, AcquireRequest request, long started, CancellationToken cancellationToken)
    {
        // Renewed from here on: a copy may take longer than a lease lasts.
        var renewal = ready.Lease is { } taken ? new LeaseRenewal(this, time, request, taken) : null;
        try
        {
            var path = ready.SnapshotPath;
            var outcome = NodeLinkOutcome.Registered;
            if (request.JobDirectory is not null && renewal is not null)
            {
                // The node's own name of the root: links are compared with it.
                var root = Path.GetDirectoryName(Path.GetDirectoryName(ready.SnapshotPath))!;
                var register = new NodeLinkRegister(root, renewal.Id, async (link, cancel)
                    => (await connection.CallAsync(node => node.RegisterLinkAsync(link.ToMessage()), cancel)).ToOutcome());
                path = await new JobLink(root, register).MakeAsync(request.JobDirectory, ready.CacheKey, request.Link, request.JobId, cancellationToken);
                outcome = register.Outcome;
            }
            if (outcome == NodeLinkOutcome.NoLease)
            {
                await renewal!.DisposeAsync();
                return null;
            }
            return new NodesLease(renewal)
            {
                Path = path,
                SnapshotPath = ready.SnapshotPath,
                CacheKey = ready.CacheKey,
                Outcome = ready.IsHit ? AcquireOutcome.Hit : AcquireOutcome.Miss,
                Files = ready.Files,
                Bytes = ready.Bytes,
                FilesFromOrigin = ready.FilesFromOrigin,
                BytesFromOrigin = ready.BytesFromOrigin,
                ReusedBytes = ready.ReusedBytes,
                SharedBytes = ready.SharedBytes,
                BytesFromPeers = ready.BytesFromPeers,
                Changes = ready.Changes is { } changes ? new VersionChanges(changes.Added, changes.Changed, changes.Removed) : null,
                StaleSince = ready.StaleSince,
                IsUnregistered = outcome == NodeLinkOutcome.NotSeen,
                Elapsed = time.GetElapsedTime(started),
            };
        }
        catch
        {
            if (renewal is not null)
                await renewal.DisposeAsync();
            throw;
        }
    }

    private sealed class NodesLease(LeaseRenewal? renewal) : DatasetLease
    {
        public override ValueTask DisposeAsync() => renewal?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
