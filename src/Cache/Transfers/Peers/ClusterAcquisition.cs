using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>One acquisition's dealings with the cluster: what the dataset consists of, and its pieces. Nothing is asked of it for a hit.</summary>
internal sealed class ClusterAcquisition(ClusterNode node, TransferMeter meter)
{
    /// <summary>How long a coordinator may be away before that is an error.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>How long nodes that are said to have a manifest may fail to hand it over.</summary>
    private static readonly TimeSpan UnreadablePatience = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> offered = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> taken = new(StringComparer.Ordinal), contradicted = new(StringComparer.Ordinal);

    /// <summary>The origin has something else than what was agreed on: it must be asked anew, by somebody.</summary>
    public void Contradict()
    {
        foreach (var (name, digest) in taken)
            contradicted[name] = digest;
        taken.Clear();
    }

    /// <summary>The same, found by an earlier one.</summary>
    public void Contradict(string name, string digest) => contradicted[name] = digest;

    /// <summary>What the dataset's pieces are, agreed with all nodes: by listing the origin, if nobody else does.</summary>
    /// <param name="name"><see cref="ClusterKey"/>.</param>
    /// <param name="known">A listing that is at hand already.</param>
    /// <param name="list">Lists the origin.</param>
    /// <param name="maxAge">How old a listing may be; null for any age.</param>
    public async Task<ManifestDocument> ManifestAsync(
        string name, Manifest? known, Func<CancellationToken, Task<Manifest>> list, TimeSpan? maxAge, string? jobId, CancellationToken cancellationToken)
    {
        var coordinator = node.Cluster.Coordinator(name);
        var document = known is null ? null : ManifestDocument.OfListing(known);
        if (document is not null)
            node.Offer(name, document, TimeSpan.Zero);
        var request = new ManifestRequest { From = node.Cluster.Self, Seen = node.Seen(name), MaxAge = maxAge, JobId = jobId, Contradicted = contradicted.GetValueOrDefault(name) };
        meter.Phase = AcquirePhase.Listing;
        var silentSince = node.Time.GetTimestamp();
        long? unreadableSince = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var pause = TimeSpan.FromMilliseconds(200);
            try
            {
                var reply = await coordinator.ManifestAsync(Current(), cancellationToken);
                if (node.Hear(name, reply.Epoch))
                {
                    silentSince = node.Time.GetTimestamp();
                    pause = reply.Pause;
                    contradicted.Remove(name);
                    request = request with { Contradicted = null, Failed = null };
                    if (await FollowAsync(reply) is { } found)
                    {
                        taken[name] = found.Digest;
                        return found;
                    }
                }
            }
            catch (CoordinatorUnavailableException e)
            {
                if (node.Time.GetElapsedTime(silentSince) > Patience)
                {
                    throw new OriginException(OriginFailure.Network, $"Nobody in the cluster coordinates {name}, for {Patience.TotalSeconds:0} s: {e.Message}",
                        advice: "See `dscache status` for the cluster's nodes, and the log of this one.", inner: e);
                }
            }
            await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.FromMilliseconds(1), node.Time, cancellationToken);
        }

        // Whatever this node hands out it says each time: who says nothing holds nothing.
        ManifestRequest Current()
        {
            var (digest, age) = node.Offered(name);
            return request with { Number = SessionStart.Next(node.Time), Seen = node.Seen(name), Listed = digest, ListedAge = age };
        }

        async Task<ManifestDocument?> FollowAsync(ManifestReply reply)
        {
            switch (reply.Decision)
            {
                case ManifestDecision.ListOrigin:
                    document = ManifestDocument.OfListing(await ListAsync());
                    node.Offer(name, document, TimeSpan.Zero);
                    return null;
                case ManifestDecision.TakeListing or ManifestDecision.TakeReplica:
                    if (string.Equals(document?.Digest, reply.Digest, StringComparison.Ordinal))
                        return document;
                    if (await ReadAsync(reply, cancellationToken) is not { } read)
                        return await ListAloneAsync();
                    if (reply.Decision == ManifestDecision.TakeListing)
                    {
                        node.Offer(name, read, reply.Age);
                        // So that the next one can ask here as well. It need not arrive.
                        request = request with { IsNotice = true };
                        await TellAsync();
                    }
                    return read;
                default:
                    return null;
            }
        }

        // Who is said to have it does not give it. A listing more costs less than a job that waits for ever; its pieces are shared all the same.
        async Task<ManifestDocument?> ListAloneAsync()
        {
            unreadableSince ??= node.Time.GetTimestamp();
            if (node.Time.GetElapsedTime(unreadableSince.Value) < UnreadablePatience)
                return null;
            document = ManifestDocument.OfListing(await ListAsync());
            node.Offer(name, document, TimeSpan.Zero);
            return document;
        }

        async Task<Manifest> ListAsync()
        {
            try
            {
                return await list(cancellationToken);
            }
            catch (Exception e)
            {
                request = request with { Failed = e.Message, IsNotice = true };
                await TellAsync();
                throw;
            }
        }

        async Task TellAsync()
        {
            try
            {
                await coordinator.ManifestAsync(Current(), CancellationToken.None);
            }
            catch (CoordinatorUnavailableException)
            {
                // The claim lapses.
            }
        }
    }

    private async Task<ManifestDocument?> ReadAsync(ManifestReply reply, CancellationToken cancellationToken)
    {
        if (node.Content.FindManifest(reply.Digest!) is { } own)
            return ManifestDocument.Parse(own);
        foreach (var holder in reply.Holders.Where(holder => holder != node.Cluster.Self))
        {
            try
            {
                var read = ManifestDocument.Parse(await node.Cluster.Peers.ReadManifestAsync(holder, reply.Digest!, cancellationToken));
                if (read is not null && read.Selected is not null == (reply.Decision == ManifestDecision.TakeReplica))
                    return read;
            }
            catch (PeerException)
            {
                // The next one.
            }
        }
        return null;
    }

    /// <summary>Fetches what these files of the listing lack, sharing pieces with whoever fetches the same.</summary>
    /// <param name="document">What was agreed on.</param>
    /// <param name="begun">Told of the download, for who reads along.</param>
    public async Task FetchAsync(
        string name, ManifestDocument document, StagingArea staging, IReadOnlyList<int> files, OriginDownload origin, MemberOptions options, Action<SwarmDownload> begun,
        CancellationToken cancellationToken)
    {
        if (files.Count == 0)
            return;
        var sorted = files.Order().ToArray();
        var plan = new PlacedPlan(new PiecePlan(new Manifest(sorted.Select(file => staging.Listing.Files[file]))), sorted, staging.Pieces);
        node.Content.Offer(plan, staging.Directory.OpenDirectory("tree"));
        offered.Add(plan.Plan.Digest);
        var expected = document.Selected is null ? [] : ClusterNode.Expected(plan.Plan, document.Lines);
        var download = new SwarmDownload(node.Cluster.Self, document.Digest, plan, staging, origin, node.Cluster.Coordinator(name), node.Cluster.Peers, expected, options, meter, node.Time);
        node.Joined(name, download);
        begun(download);
        try
        {
            await download.RunAsync(cancellationToken);
        }
        finally
        {
            node.Left(name, download);
        }
    }

    /// <summary>The download is an entry now: it goes on being given to others.</summary>
    /// <param name="record">Null where it was evicted in that moment.</param>
    public void Published(EntryRecord? record)
    {
        if (record is null)
        {
            Abandon();
            return;
        }
        node.Content.Published(offered, record.CacheKey);
        offered.Clear();
        node.Announce(record, isNew: true);
    }

    /// <summary>What was not published others have to do without.</summary>
    public void Abandon()
    {
        foreach (var plan in offered)
            node.Content.Withdraw(plan);
        offered.Clear();
    }
}
