using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Store;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>What nodes hold of a dataset, by the journals of their staging: what is noted there is in its file.</summary>
internal sealed class Holdings(Ground ground, MadeDataset dataset, int[] nodes)
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(50);

    /// <summary>Nothing where it has not begun, or is done with all.</summary>
    public IEnumerable<(int File, int Piece)> Of(int node)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(Path.Combine(ground.RootOf(node), "staging"), "*" + dataset.Id + "*")
                .SelectMany(folder => Directory.EnumerateFiles(folder, "journal-*"))
                .SelectMany(journal => Journal.Read(File.ReadAllBytes(journal)))
                .Select(record => (record.File, record.Piece))];
        }
        catch (IOException)
        {
            // Published under our eyes.
            return [];
        }
    }

    /// <summary>Looks again and again, until it is over, for the longest time in which a node got nothing that another held.</summary>
    public async Task<(double Seconds, int Node)> WatchAsync(CancellationToken cancellationToken)
    {
        var before = nodes.ToDictionary(node => node, node => Of(node).ToHashSet());
        var since = nodes.ToDictionary(node => node, _ => Stopwatch.GetTimestamp());
        var longest = (Seconds: 0.0, Node: 0);
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Every, CancellationToken.None);
            var now = Stopwatch.GetTimestamp();
            var held = nodes.ToDictionary(node => node, node => Of(node).ToHashSet());
            foreach (var node in nodes)
            {
                var others = nodes.Where(other => other != node).ToArray();
                var isFed = held[node].Any(piece => !before[node].Contains(piece) && others.Any(other => before[other].Contains(piece)));
                var isServed = !others.Any(other => held[other].Any(piece => !held[node].Contains(piece)));
                if (held[node].Count == 0 || isFed || isServed)
                    since[node] = now;
                var seconds = Stopwatch.GetElapsedTime(since[node], now).TotalSeconds;
                if (seconds > longest.Seconds)
                    longest = (seconds, node);
            }
            before = held;
        }
        return longest;
    }
}
