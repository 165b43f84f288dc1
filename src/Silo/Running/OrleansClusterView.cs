using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Statistics;

namespace DatasetCache.Silo.Running;

/// <summary>The cluster as its grains see it.</summary>
internal sealed class OrleansClusterView(IGrainFactory grains, INodeService self) : IClusterView
{
    private const int MostNodesAtOnce = 200;

    private IClusterGrain Cluster => grains.GetGrain<IClusterGrain>(0);

    public string Self => self.Node;

    public async Task<IReadOnlyList<ClusterNodeDocument>> NodesAsync(CancellationToken cancellationToken)
    {
        var all = new List<ClusterNodeDocument>();
        string? after = null;
        while (true)
        {
            var page = await Cluster.NodesAsync(after, MostNodesAtOnce, cancellationToken);
            all.AddRange(page.Select(Of));
            if (page.Length < MostNodesAtOnce)
                return all;
            after = page[^1].Id;
        }
    }

    public async Task<(IReadOnlyList<ClusterDatasetDocument> Datasets, string? Next)> DatasetsAsync(string? after, int limit, CancellationToken cancellationToken)
    {
        var rows = await Cluster.MatrixAsync(new CellsRequest(after, limit), cancellationToken);
        // A full page may be the last one; the next is empty then.
        return ([.. rows.Select(Of)], rows.Length >= limit ? rows[^1].CacheKey : null);
    }

    public async Task<IReadOnlyList<ClusterDatasetDocument>> DatasetAsync(string cacheKey, CancellationToken cancellationToken)
        => [.. (await Cluster.MatrixAsync(new CellsRequest(After: null, 1, cacheKey), cancellationToken)).Select(Of)];

    public async Task<IReadOnlyList<EventDocument>> HistoryAsync(string cacheKey, int limit, CancellationToken cancellationToken)
        => [.. (await Cluster.HistoryAsync(cacheKey, limit, cancellationToken)).Select(happened => new EventDocument(happened.At, happened.Kind, happened.Detail, happened.Node, happened.CacheKey))];

    public async Task<ClusterStatistics> StatisticsAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken)
    {
        var (usage, nodes, silent) = await Cluster.UsageAsync(from, to, cancellationToken);
        DayStatistics[] days = [.. usage.Days.Select(day => new DayStatistics(day.Day, day.Tally.ToTally()))];
        return new ClusterStatistics(
            new UsageStatistics(from, to, days.Aggregate(default(UsageTally), (sum, day) => sum + day.Tally), days, [.. usage.Keys.Select(key => new EntryStatistics(key.CacheKey, key.Tally.ToTally()))]),
            nodes, silent);
    }

    public async Task<IReadOnlyList<RecommendedHostDocument>> RecommendAsync(IReadOnlyList<DatasetRef> datasets, CancellationToken cancellationToken)
        => [.. (await Cluster.RecommendHostsAsync([.. datasets.Select(NodeMessagesText.ToMessage)], cancellationToken)).Select(host => new RecommendedHostDocument(host.Host, host.Bytes, [.. host.PerDataset]))];

    public INodeActions ActionsOn(string node)
        => string.Equals(node, self.Node, StringComparison.Ordinal) ? new LocalNodeActions(self) : new OrleansNodeActions(node, grains.GetGrain<INodeGrain>(node));

    private static ClusterNodeDocument Of(ClusterNode node) => new(node.Id, node.Node?.Endpoint, node.Status, node.Node is not null, node.Node?.Entries, node.Node?.Bytes)
    {
        Version = node.Node?.Version,
        Quota = node.Node?.Quota,
        Used = node.Node?.Used,
        DiskFree = node.Node?.DiskFree,
        MemoryUsed = node.Node?.MemoryUsed,
        MemoryLimit = node.Node?.MemoryLimit,
        Leases = node.Node?.Leases,
        UptimeSeconds = node.Node is { } state ? Math.Round(state.Uptime.TotalSeconds, 1) : null,
        Rates = node.Node?.Rates is { } rates ? new RatesDocument(rates.FromOrigin, rates.FromPeers, rates.ToPeers, rates.FromMemory) : null,
        Working = [.. (node.Node?.Downloads ?? []).Select(download => new DownloadDocument(
            download.CacheKey, Camel(download.Phase), download.BytesDone, download.BytesTotal, download.BytesFromOrigin))],
    };

    private static ClusterDatasetDocument Of(ClusterDataset row) => new(
        row.CacheKey, row.Digest, row.Origin, row.Prefix, row.DatasetId, row.SnapshotId, row.Bytes, row.Files,
        [.. row.Holders.Select(holder => new ClusterHolderDocument(
            holder.Node, Camel(holder.State), holder.BytesDone, holder.Leases, holder.IsPinned, Camel(holder.Priority), holder.ExpiresAt, holder.LastUsedAt))]);

    private static string Camel(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);
}
