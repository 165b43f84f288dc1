using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Transfers;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>A node's state as the API's documents.</summary>
internal static class ClusterText
{
    private const int MostWorking = 100;

    /// <param name="endpoint">Of its data plane; empty for none.</param>
    public static ClusterNodeDocument Of(NodeStatus status, string endpoint) => new(status.Node, endpoint.Length == 0 ? null : endpoint, "Active", IsAlive: true, status.Entries, status.Bytes)
    {
        Version = status.Version,
        Quota = status.Space.Quota,
        Used = status.Space.Used,
        DiskFree = status.Space.DiskFree,
        MemoryUsed = status.Memory.Used,
        MemoryLimit = status.Memory.Limit,
        Leases = status.Leases,
        UptimeSeconds = Math.Round(status.Uptime.TotalSeconds, 1),
        Rates = new RatesDocument(status.Rates.FromOrigin, status.Rates.FromPeers, status.Rates.ToPeers, status.Rates.FromMemory),
        Working = [.. status.Downloads.Take(MostWorking).Select(Of)],
    };

    private static DownloadDocument Of(DatasetDownload download) => new(
        download.CacheKey ?? download.Progress.CacheKey, EntryText.Camel(download.Progress.Phase), download.Progress.BytesDone, download.Progress.BytesTotal, download.Progress.BytesFromOrigin);
}
