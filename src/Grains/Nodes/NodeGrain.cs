using System.Collections.Immutable;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;
using DatasetCache.Integrity;
using Orleans.Concurrency;

namespace DatasetCache.Grains;

/// <summary>This silo's <see cref="INodeService"/> for the rest of the cluster. What takes long runs there, not here; its calls may run side by side.</summary>
[NodePlacement, Reentrant]
internal sealed class NodeGrain(INodeService service, Peer self, ILocalSiloDetails silo, GrainAccess access) : Grain, INodeGrain
{
    // A hit is there by then, mostly; nobody else waits.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(1);
    private const int MostEntries = 1000;
    private const int MostDatasets = 100;
    private const int MostFiles = 200;

    // Placement is a wish: an old directory entry, or a silo that changed its name, may have led here.
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString();
        return string.Equals(key, silo.Name, StringComparison.Ordinal)
            ? Task.CompletedTask
            : throw new UnknownNodeException(key, $"The node '{key}' was looked for on the silo '{silo.Name}'. Ask again; the cluster may have changed a moment ago.");
    }

    public Task<WorkMessage> AcquireAsync(AcquireMessage request, CancellationToken cancellationToken) => StartAsync(request, isPrefetch: false, cancellationToken);

    public Task<WorkMessage> PrefetchAsync(AcquireMessage request, CancellationToken cancellationToken) => StartAsync(request, isPrefetch: true, cancellationToken);

    private Task<WorkMessage> StartAsync(AcquireMessage request, bool isPrefetch, CancellationToken cancellationToken) => TryAsync(async () =>
    {
        RefuseFolder(request.Dataset.Origin);
        var wanted = new NodeAcquire
        {
            Dataset = request.Dataset.ToRef(),
            Ticket = request.Ticket,
            AllowMissing = request.AllowMissing,
            Refresh = request.Refresh,
            Hold = request.Hold,
            JobId = request.JobId,
            IsPrefetch = isPrefetch,
        };
        return (await service.AcquireAsync(wanted, Moment, cancellationToken)).ToMessage();
    });

    public Task<WorkMessage> FollowAsync(string ticket, CancellationToken cancellationToken)
        => TryAsync(async () => (await service.FollowAsync(ticket, LongPoll, cancellationToken)).ToMessage());

    public Task<bool> AbandonAsync(string ticket) => Try(() => service.Abandon(ticket));

    public Task<LeaseMessage?> RenewAsync(string lease) => Try(() => service.Renew(lease)?.ToMessage());

    public Task<bool> ReleaseAsync(string lease) => Try(() => service.Release(lease));

    public Task<LinkOutcomeMessage> RegisterLinkAsync(LinkMessage link)
        => Try(() => (LinkOutcomeMessage)service.RegisterLink(new NodeLink(link.Link, (LinkMode)link.Mode, link.Lease, link.JobId)));

    public Task<bool> ForgetLinkAsync(string link) => Try(() => service.ForgetLink(link));

    public Task<EvictedMessage> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken)
        => TryAsync(async () => (await service.EvictAsync(cacheKey, dryRun, cancellationToken)).ToMessage());

    public Task<bool> PinAsync(string cacheKey) => Try(() => service.Pin(cacheKey));

    public Task<bool> UnpinAsync(string cacheKey) => Try(() => service.Unpin(cacheKey));

    public Task<WorkMessage> VerifyAsync(VerifyMessage request)
        => Try(() => service.Verify(request.Ticket, request.CacheKey, (VerifyLevel)request.Level, request.Heal).ToMessage());

    public Task<WorkMessage> ScrubAsync(ScrubMessage request)
        => Try(() => service.Scrub(request.Ticket, new ScrubOptions { All = request.All, Heal = request.Heal }).ToMessage());

    public Task<StatisticsMessage> StatisticsAsync(DateOnly from, DateOnly to) => Try(() => service.Statistics(from, to).ToMessage());

    public Task<UsageMessage> UsageAsync(DateOnly from, DateOnly to) => Try(() => service.Statistics(from, to).ToUsage());

    public Task<EntryDetailMessage?> InspectAsync(string cacheKey) => Try(() => service.Inspect(cacheKey)?.ToDetail(service.LeasesOn(cacheKey)));

    public Task<FilesMessage?> FilesAsync(string cacheKey, string? after, int count) => Try(() =>
    {
        count = Math.Clamp(count, 1, MostFiles);
        // One more shows whether there are any.
        var files = service.Files(cacheKey, after, count + 1);
        return files is null ? null : new FilesMessage([.. files.Take(count).Select(file => new FileMessage(file.Path, file.Size, file.ETag))], files.Count > count ? files[count - 1].Path : null);
    });

    public Task<ImmutableArray<EntryMessage>> EntriesAsync(string? after, int count) => Try(() => service.List()
        .Where(entry => after is null || string.CompareOrdinal(entry.CacheKey, after) > 0)
        .Take(Math.Clamp(count, 1, MostEntries))
        .Select(entry => entry.ToMessage())
        .ToImmutableArray());

    public Task<ImmutableArray<CellMessage>> CellsAsync(CellsRequest request) => Try(() => NodeCell.Of(service, request.After, Math.Clamp(request.Count, 1, MostEntries), request.Key)
        .Select(cell => cell.ToMessage(service.Node))
        .ToImmutableArray());

    public Task<ImmutableArray<EventMessage>> HistoryAsync(string cacheKey, int count) => Try(() => service.History(cacheKey, Math.Clamp(count, 1, MostEntries))
        .Select(happened => new EventMessage(happened.At, happened.CacheKey, happened.Kind, happened.Detail, service.Node))
        .ToImmutableArray());

    public Task<bool> HasAsync(string cacheKey) => Try(() => service.Has(cacheKey));

    public Task<bool> SetPriorityAsync(string cacheKey, PriorityMessage priority) => Try(() => service.SetPriority(cacheKey, (EntryPriority)priority));

    public Task<ImmutableArray<long>> HeldBytesAsync(ImmutableArray<DatasetMessage> datasets)
        => Try(() => service.HeldBytes([.. datasets.Take(MostDatasets).Select(dataset => dataset.ToRef())]).ToImmutableArray());

    public Task<NodeState> StatusAsync() => Try(() => service.Status().ToMessage(self.Endpoint));

    public Task<NodeState> GetState() => StatusAsync();

    public Task<NodeHoldingMessage> DescribeAsync(string key, CancellationToken cancellationToken) => Try(() => service.Describe(key).ToMessage());

    private void RefuseFolder(string? origin)
    {
        if (ServedFolders.IsForeign(origin, access.Folders))
        {
            throw new NodeFailedException(new FailureMessage("AccessDenied", $"This node reads no datasets from the folder {PrintableText.Quote(origin!)} for others.",
                "Name no origin, so that the node's own counts, or one in S3; or set the node's origin.url to the folder.", IsWorthRetrying: false));
        }
    }

    private static Task<T> Try<T>(Func<T> ask) => TryAsync(() => ValueTask.FromResult(ask()));

    // The engine's exceptions are not known to a client; what they say is.
    private static async Task<T> TryAsync<T>(Func<ValueTask<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (DatasetCacheException e)
        {
            throw new NodeFailedException(NodeFailure.Of(e).ToMessage());
        }
    }
}
