using System.Collections.Immutable;

namespace DatasetCache.Grains;

/// <summary>Puts what the nodes have into rows: one for each key and digest.</summary>
internal static class Matrix
{
    private const int NamedNodes = 100;

    /// <param name="count">Rows; those of a key that has begun come on top.</param>
    public static ImmutableArray<ClusterDataset> Of(IEnumerable<CellMessage> cells, int count)
    {
        var rows = ImmutableArray.CreateBuilder<ClusterDataset>();
        foreach (var key in cells.GroupBy(cell => cell.CacheKey, StringComparer.Ordinal).OrderBy(key => key.Key, StringComparer.Ordinal))
        {
            if (rows.Count >= count)
                break;
            foreach (var row in WithDigests([.. key]).GroupBy(cell => cell.Digest, StringComparer.Ordinal).OrderBy(row => row.Key, StringComparer.Ordinal))
                rows.Add(Row([.. row]));
        }
        return rows.ToImmutable();
    }

    // What is on its way has no digest yet: it is shown beside those that have it whole, where these agree.
    private static IEnumerable<CellMessage> WithDigests(CellMessage[] cells)
        => cells.Where(cell => cell.Digest.Length > 0).Select(cell => cell.Digest).Distinct(StringComparer.Ordinal).ToArray() is [var only]
            ? cells.Select(cell => cell.Digest.Length > 0 ? cell : cell with { Digest = only })
            : cells;

    private static ClusterDataset Row(CellMessage[] cells)
    {
        // A node that is still listing does not know how much there is.
        var known = cells.MaxBy(cell => cell.Bytes)!;
        var ready = cells.Where(cell => cell.Holder.State is "Ready").Select(cell => cell.Holder.Node).Order(StringComparer.Ordinal).ToArray();
        return new ClusterDataset(known.CacheKey, known.Digest, known.Origin, known.Prefix, known.Bytes, ready.Length, [.. ready.Take(NamedNodes)])
        {
            DatasetId = known.DatasetId,
            SnapshotId = known.SnapshotId,
            Files = known.Files,
            Holders = [.. cells.Select(cell => cell.Holder).OrderBy(holder => holder.Node, StringComparer.Ordinal)],
        };
    }
}
