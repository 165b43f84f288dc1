using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Transfers.Lazy;

/// <summary>
/// The part of a dataset in the cluster that is read piece by piece: it takes what is wanted from nodes that have it, reads from the origin what nobody has or reads, and gives
/// what it has to others for as long as the dataset is known, also while nobody reads it here.
/// </summary>
/// <param name="agreed">What the nodes agreed that the dataset consists of.</param>
internal sealed class ClusterReading(ClusterNode node, string name, ManifestDocument agreed, TransferMeter meter) : IDisposable
{
    // Half of how long a coordinator remembers a plan that nobody downloads by.
    private static readonly TimeSpan RemindEvery = TimeSpan.FromMinutes(5);

    // A whole replica that came since would be good to know; whoever reads does not wait for it.
    private static readonly TimeSpan AskAfter = TimeSpan.FromSeconds(30), AskFor = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource stopping = new();
    private ManifestDocument document = agreed;
    private SwarmDownload? swarm;
    private ServedPlan? served;
    private Task running = Task.CompletedTask;
    private long asked = node.Time.GetTimestamp(), told;

    /// <summary>Of what was agreed on.</summary>
    public string Digest => document.Digest;

    /// <summary>Joins the nodes that fetch or hold these files.</summary>
    /// <param name="planned">Those of the area's listing: all nodes must make the same plan.</param>
    public async Task<SwarmDownload> BeginAsync(StagingArea area, Manifest planned, OriginDownload origin, CancellationToken cancellationToken)
    {
        await RefreshAsync(planned, cancellationToken);
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var file = 0; file < area.Listing.Files.Count; file++)
            numbers[area.Listing.Files[file].Path] = file;
        var plan = new PlacedPlan(new PiecePlan(planned), [.. planned.Files.Select(file => numbers[file.Path])], area.Pieces);
        var isWhole = document.Selected is not null && string.Equals(document.Manifest.Digest, planned.Digest, StringComparison.Ordinal);
        var expected = isWhole ? ClusterNode.Expected(plan.Plan, document.Lines) : [];
        var joined = new SwarmDownload(
            node.Cluster.Self, Digest, plan, area, origin, node.Cluster.Coordinator(name), node.Cluster.Peers, expected, new MemberOptions(), meter, node.Time, onlyWanted: true);
        Leave();
        served = node.Content.Offer(plan, area.Directory.OpenDirectory("tree"));
        swarm = joined;
        node.Joined(name, joined);
        running = Task.Run(() => RunAsync(joined), CancellationToken.None);
        return joined;
    }

    // Who waits for something has been told what went wrong, and the next one begins anew.
    private async Task RunAsync(SwarmDownload joined)
    {
        try
        {
            await joined.RunAsync(stopping.Token);
        }
        catch (Exception e) when (e is DatasetCacheException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private async Task RefreshAsync(Manifest planned, CancellationToken cancellationToken)
    {
        if (document.Selected is not null || node.Time.GetElapsedTime(asked) < AskAfter)
            return;
        asked = node.Time.GetTimestamp();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(AskFor);
        try
        {
            var found = await new ClusterAcquisition(node, new TransferMeter()).ManifestAsync(name, document.Manifest,
                _ => throw new OriginException(OriginFailure.Changed, "It was listed before."), maxAge: null, jobId: null, patience.Token);
            if (string.Equals(found.Manifest.Digest, planned.Digest, StringComparison.Ordinal))
                document = found;
        }
        catch (Exception e) when (e is OperationCanceledException or DatasetCacheException)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Fetches no more. What is here others get all the same.</summary>
    /// <param name="handsOver">A download of this node goes on with it, and speaks for it.</param>
    public async Task EndAsync(bool handsOver)
    {
        swarm?.End();
        await running;
        told = node.Time.GetTimestamp();
        if (!handsOver || swarm is null)
            return;
        node.Left(name, swarm);
        swarm = null;
    }

    /// <summary>Tells the coordinator now and then what is here, while nothing is fetched.</summary>
    public async Task RemindAsync()
    {
        if (swarm is null || !running.IsCompleted || node.Time.GetElapsedTime(told) < RemindEvery)
            return;
        told = node.Time.GetTimestamp();
        await swarm.RemindAsync();
    }

    /// <summary>Others shall do without.</summary>
    public async Task ForgetAsync()
    {
        if (swarm is not { } left)
            return;
        Leave();
        await left.ForgetAsync();
    }

    private void Leave()
    {
        if (swarm is not null)
            node.Left(name, swarm);
        swarm = null;
        if (served is not null)
            node.Content.Withdraw(served);
        served = null;
    }

    public void Dispose()
    {
        stopping.Cancel();
        Leave();
        stopping.Dispose();
    }
}
