using System.Globalization;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Statistics;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api.Datasets;

/// <summary>What this node's cache did, or those of all nodes, as <c>dscache stats --json</c> says it.</summary>
internal sealed class StatisticsApi(INodeService node, IClusterView cluster, TimeProvider time)
{
    private const int DefaultDays = 30;
    private const int DefaultTop = 5;
    private const int MostTop = 1000;

    public async Task GetAsync(HttpContext context)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var to = Query.Day(context, "to", today);
        var from = Query.Day(context, "from", to.AddDays(1 - Math.Min(DefaultDays, to.DayNumber)));
        if (from > to)
            throw new InvalidRequestException($"from is {Name(from)}, which is after {Name(to)}.");
        var isWhole = NodeApi.OneOf("scope", Query.Text(context, "scope"), ("node", false), ("cluster", true));
        var (read, nodes, silent) = isWhole ? await cluster.StatisticsAsync(from, to, context.RequestAborted) : new ClusterStatistics(node.Statistics(from, to), [node.Node], []);
        await NodeApi.WriteAsync(context, StatusCodes.Status200OK, new StatisticsDocument(
            Name(from), Name(to), nodes, silent, Of(read.Total), [.. read.Days.Select(day => new DayDocument(Name(day.Day), Of(day.Tally)))],
            [.. read.Entries.Where(entry => entry.Tally.Requests > 0).Take(Query.Number(context, "top", DefaultTop, 0, MostTop)).Select(entry => new EntryTallyDocument(entry.CacheKey, Of(entry.Tally)))]),
            OperatorJson.Default.StatisticsDocument);
    }

    private static TallyDocument Of(in UsageTally tally) => new(
        tally.Hits, tally.Misses, tally.HitRate is { } rate ? Math.Round(rate, 4) : null, tally.Failures, tally.BytesServed, tally.BytesFromOrigin, tally.BytesSaved,
        tally.Evictions, tally.BytesEvicted);

    private static string Name(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
