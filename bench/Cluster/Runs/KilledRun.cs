using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>A broadcast in whose middle a node is killed, and what the others noticed of it.</summary>
/// <param name="PeerGap">Seconds: the longest in which a survivor had nothing from another one, although that one held something that it lacked.</param>
/// <param name="Pause">The same, whether there was something to be had or not, up to the last thing that it had from another node.</param>
/// <param name="OriginGap">Seconds in which the origin sent nothing, up to the last that it sent.</param>
/// <param name="ReadAgain">Reads of what a survivor had.</param>
/// <param name="After">Seconds from the kill to the last survivor's end.</param>
internal sealed record KilledRun(int Victim, bool IsCoordinator, double At, double PeerGap, int PeerGapOf, double Pause, double OriginGap, IReadOnlyList<OriginRead> ReadAgain, IReadOnlyList<string> Errors, double After, OriginCount Count)
{
    // Far enough that every node has something, early enough that much is missing.
    private const double KillAt = 0.3;
    private const int PieceSize = 1 << 20;

    private sealed record Seen(int Node, long FromOrigin, long FromPeers, long At);

    /// <param name="victim">Null for the coordinator's host.</param>
    public static async Task<KilledRun> OnceAsync(Ground ground, int[] nodes, MadeDataset dataset, int? victim)
    {
        using var jobs = await Jobs.OnAsync(ground, nodes);
        var seen = new ConcurrentQueue<Seen>();
        var latest = new ConcurrentDictionary<int, long>();
        var isTime = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = jobs.AskAsync(dataset, (node, origin, peers, at) =>
        {
            seen.Enqueue(new Seen(node, origin, peers, at));
            latest[node] = origin + peers;
            if (latest.Values.Sum() >= dataset.Bytes * nodes.Length * KillAt)
                isTime.TrySetResult();
        });
        if (await Task.WhenAny(isTime.Task, asking) == asking)
            throw new InvalidOperationException("It was over before a node could be killed: make it larger, or the links slower.");
        var coordinator = CoordinatorOf(ground, nodes, dataset);
        var chosen = victim ?? coordinator;
        var survivors = nodes.Where(node => node != chosen).ToArray();
        using var holdings = await Holdings.OfAsync(ground, dataset, survivors);
        var held = survivors.SelectMany(holdings.Noted).ToHashSet();
        using (var process = Process.GetProcessById(ground.ProcessOf(chosen)))
            process.Kill();
        var killed = Stopwatch.GetTimestamp();
        using var over = new CancellationTokenSource();
        var watching = holdings.WatchAsync(over.Token);
        var acquired = await asking;
        await over.CancelAsync();
        var longest = await watching;
        var count = await OriginCount.OfAsync(ground, dataset);
        var ends = acquired.Where(one => one.Node != chosen).ToArray();
        await jobs.ReleaseAsync(ends);
        await ground.ScriptAsync("start", chosen.ToString(CultureInfo.InvariantCulture));
        var pause = survivors.Max(node => OriginCount.LongestGap(Growths(seen.Where(one => one.Node == node)), killed));
        return new KilledRun(chosen, chosen == coordinator, KillAt, longest.Seconds, longest.Node, pause, count.LongestGap(killed), ReadAgainOf(count, held, killed, Ground.AddressOf(chosen)),
            [.. ends.Where(one => one.Error is not null).Select(one => $"node {one.Node}: {one.Error}")], Stopwatch.GetElapsedTime(killed, ends.Max(one => one.Ready)).TotalSeconds, count);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"node {Victim}{(IsCoordinator ? " (it coordinated)" : "")} at {At:P0}: the others done {After:0.0} s later; longest gap in peer pieces {PeerGap:0.00} s (node {PeerGapOf}; {Pause:0.00} s with those in which there was nothing to be had), in origin reads {OriginGap:0.00} s; {Count}{string.Concat(Errors.Take(3).Select(error => "\n           " + error))}{string.Concat(ReadAgain.Take(3).Select(read => "\n           again: " + read))}");

    // When a node had more from others than before.
    private static IEnumerable<long> Growths(IEnumerable<Seen> ofNode)
    {
        var most = 0L;
        foreach (var one in ofNode.OrderBy(one => one.At))
        {
            if (one.FromPeers > most)
                yield return one.At;
            most = Math.Max(most, one.FromPeers);
        }
    }

    private static int CoordinatorOf(Ground ground, int[] nodes, MadeDataset dataset)
        => nodes.Select(node => (Node: node, Since: File.ReadLines(Path.Combine(ground.Folder, $"node{node}", "log")).LastOrDefault(line => line.Contains("Coordinates ", StringComparison.Ordinal) && line.Contains(dataset.Id, StringComparison.Ordinal))))
            .Where(one => one.Since is not null).OrderByDescending(one => one.Since, StringComparer.Ordinal).Select(one => (int?)one.Node).FirstOrDefault()
            ?? throw new InvalidOperationException($"No node's log says that it coordinates {dataset.Id}.");

    private static List<OriginRead> ReadAgainOf(OriginCount count, HashSet<(int File, int Piece)> held, long killed, string victim)
    {
        var files = Enumerable.Range(0, count.Dataset.Files).ToDictionary(count.Dataset.Key, file => file, StringComparer.Ordinal);
        var ofHeld = count.Reads.Where(read => read.Started > killed && read.Sent > 0)
            .Where(read => Enumerable.Range((int)(read.From / PieceSize), (int)((read.To - 1) / PieceSize - read.From / PieceSize) + 1).Any(piece => held.Contains((files[read.Key], piece))));
        // What a survivor read whole, and somebody afterwards.
        var twice = count.Repeats().Where(pair => !string.Equals(pair.First.Client, victim, StringComparison.Ordinal) && pair.First.IsWhole && pair.Second.Started > pair.First.Ended).Select(pair => pair.Second);
        return [.. ofHeld.Concat(twice).Distinct()];
    }
}
