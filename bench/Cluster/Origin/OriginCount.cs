using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>What the origin gave of a dataset.</summary>
internal sealed record OriginCount(MadeDataset Dataset, IReadOnlyList<OriginRead> Reads, IReadOnlyList<long> Writes)
{
    public long Bytes => Reads.Sum(read => read.Sent);

    /// <summary>Bytes that went out more than once.</summary>
    public long Repeated => Repeats().Sum(pair => Math.Min(pair.First.To, pair.Second.To) - Math.Max(pair.First.From, pair.Second.From));

    public static async Task<OriginCount> OfAsync(Ground ground, MadeDataset dataset)
    {
        var reads = await LinesAsync("reads");
        var writes = await LinesAsync("writes");
        return new OriginCount(dataset, [.. reads.Select(OriginRead.Parse)], [.. writes.Select(line => long.Parse(line, CultureInfo.InvariantCulture)).Order()]);

        async Task<string[]> LinesAsync(string what) => (await ground.OriginLog.GetStringAsync($"/_bench/{what}?prefix={dataset.Prefix}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Reads that have bytes in common, the earlier one first.</summary>
    public IEnumerable<(OriginRead First, OriginRead Second)> Repeats()
    {
        foreach (var ofKey in Reads.Where(read => read.Sent > 0).GroupBy(read => read.Key, StringComparer.Ordinal))
        {
            var inOrder = ofKey.OrderBy(read => read.From).ToArray();
            for (var one = 0; one < inOrder.Length; one++)
            {
                for (var other = one + 1; other < inOrder.Length && inOrder[other].From < inOrder[one].To; other++)
                    yield return inOrder[one].Started <= inOrder[other].Started ? (inOrder[one], inOrder[other]) : (inOrder[other], inOrder[one]);
            }
        }
    }

    /// <summary>The longest time in which nothing was sent, between the first and the last.</summary>
    public double LongestGap(long from) => LongestGap(Writes, from);

    public static double LongestGap(IEnumerable<long> moments, long from)
    {
        var (longest, before) = (0.0, from);
        foreach (var at in moments.Where(at => at > from))
        {
            longest = Math.Max(longest, Stopwatch.GetElapsedTime(before, at).TotalSeconds);
            before = at;
        }
        return longest;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"origin: {Reads.Count} GETs, {(double)Bytes / Dataset.Bytes:0.0000} of the dataset, {Repeated} bytes twice, {Reads.Count(read => !read.IsWhole)} cut short, from {Reads.Select(read => read.Client).Distinct(StringComparer.Ordinal).Count()} nodes");
}
