using System.Numerics;

namespace DatasetCache.Coordination;

/// <summary>Who gets which piece from whom: the rarest of a bounded sample of the pieces that a node lacks, from the least busy of a bounded sample of its holders.</summary>
internal sealed class SourceChoice(PieceTable table, List<SwarmNode> members, List<SwarmNode> replicas, CoordinatorOptions options, Random random)
{
    private const int Sample = 64;
    private const int Probes = 8;

    // After so many a source that is not quite idle is good enough.
    private const int Enough = 16;

    private readonly int[] candidates = new int[Sample + 32];
    private readonly int[] rarity = new int[Sample + 32];

    /// <returns>False where there is nothing for it now.</returns>
    public bool TryAssign(SwarmNode node, int most, List<Assignment> assignments, TimeSpan now)
    {
        var count = Gather(node, now);
        if (count == 0)
            return false;
        Array.Sort(rarity, candidates, 0, count);
        // A rare piece from an idle node at best; a rare one from a busy node would leave the idle ones idle.
        SwarmNode? source = null;
        var first = -1;
        for (var i = 0; i < count && source is not { Uploads: 0 } && (i < Enough || source is null); i++)
        {
            var found = FindSource(node, candidates[i], now, except: null, mayLookAtAll: false);
            if (found is null || (source is not null && found.Uploads >= source.Uploads))
                continue;
            source = found;
            first = candidates[i];
        }

        if (source is null)
        {
            first = candidates[0];
            source = FindSource(node, first, now, except: null, mayLookAtAll: true);
            if (source is null)
                return false;
        }

        Assign(node, source, first, Run(node, source, first, most), assignments, now);
        return true;
    }

    /// <summary>Gets a piece that somebody waits for, with those behind it that are waited for too; from a busy node as well, a little.</summary>
    /// <returns>How many pieces; 0 where nobody has it who could give it now.</returns>
    public int AssignUrgent(SwarmNode node, int piece, HashSet<int> urgent, int most, List<Assignment> assignments, TimeSpan now)
    {
        if (FindSource(node, piece, now, except: null, mayLookAtAll: true, options.UrgentUploads) is not { } source)
            return 0;
        var count = 1;
        most = Math.Min(most, options.PeerRun);
        while (count < most && urgent.Contains(piece + count) && Has(source, piece + count) && node.Lacks(piece + count) && table.Known.Contains(piece + count) == table.Known.Contains(piece))
            count++;
        Assign(node, source, piece, count, assignments, now);
        return count;
    }

    /// <summary>Asks a second holder for a piece that is slow to come, or one of the last.</summary>
    public bool TrySecond(SwarmNode node, int piece, Download download, List<Assignment> assignments, TimeSpan now)
    {
        if (download.Second is not null || FindSource(node, piece, now, download.First.Source, mayLookAtAll: true) is not { } source)
            return false;
        download.Second = new PeerRun(source, 1, now);
        source.Uploads++;
        node.Runs++;
        node.GrantedDownloads.Add((piece, download.Second));
        assignments.Add(new Assignment(piece, 1, source.Peer, Checksums(piece, 1)));
        return true;
    }

    public bool IsUsable(SwarmNode source, SwarmNode by, TimeSpan now)
    {
        if (source.IsGone || source.IsMuted || source == by || source.Peer.Node == by.Peer.Node)
            return false;
        return by.Avoids.Count == 0 || !by.Avoids.TryGetValue(source.Peer.Node, out var avoided) || now >= avoided.Until;
    }

    private void Assign(SwarmNode node, SwarmNode source, int first, int count, List<Assignment> assignments, TimeSpan now)
    {
        var run = new PeerRun(source, count, now);
        for (var piece = first; piece < first + count; piece++)
        {
            node.Downloads[piece] = new Download(run);
            node.GrantedDownloads.Add((piece, run));
        }

        source.Uploads++;
        node.Runs++;
        assignments.Add(new Assignment(first, count, source.Peer, Checksums(first, count)));
    }

    private uint[] Checksums(int first, int count)
    {
        for (var piece = first; piece < first + count; piece++)
            if (!table.Known.Contains(piece))
                return [];
        return [.. Enumerable.Range(first, count).Select(table.Checksum)];
    }

    /// <summary>Longer runs only of what many have: what few have should spread from piece to piece.</summary>
    private int Run(SwarmNode node, SwarmNode source, int first, int most)
    {
        var count = 1;
        most = Math.Min(most, options.PeerRun);
        var common = (members.Count + 1) / 2;
        while (count < most && first + count < table.Size && Has(source, first + count) && node.Lacks(first + count)
            && (source.IsReplica || table.Holders(first + count) >= common) && table.Known.Contains(first + count) == table.Known.Contains(first))
            count++;
        return count;
    }

    private static bool Has(SwarmNode source, int piece) => source.IsReplica || source.Held.Contains(piece);

    private int Gather(SwarmNode node, TimeSpan now)
    {
        var count = 0;
        var all = replicas.Exists(replica => IsUsable(replica, node, now));
        var available = table.Available.Bits;
        var held = node.Held.Bits;
        if (available.Length == 0)
            return 0;
        var some = table.Available.Some;
        var whole = node.Held.Whole;
        var start = random.Next(some.Length);
        for (var at = 0; at < some.Length && count < Sample; at++)
        {
            // From anywhere: the same first pieces for everybody would be asked of the same holders.
            var group = (start + at) % some.Length;
            var turn = random.Next(Math.Min(64, available.Length - (group << 6)));
            var words = BitOperations.RotateRight((all ? ulong.MaxValue : some[group]) & ~whole[group], turn);
            for (; words != 0 && count < Sample; words &= words - 1)
            {
                var word = (group << 6) + ((BitOperations.TrailingZeroCount(words) + turn) & 63);
                if (word < available.Length)
                    count = Gather(node, word, (all ? ulong.MaxValue : available[word]) & ~held[word], count);
            }
        }

        if (count == Sample)
            foreach (var piece in table.Fresh)
                if (table.Available.Contains(piece) && !node.Held.Contains(piece))
                    count = Add(node, piece, count);
        return count;
    }

    private int Gather(SwarmNode node, int word, ulong bits, int count)
    {
        if (bits == 0)
            return count;
        var turn = random.Next(64);
        bits = BitOperations.RotateRight(bits, turn);
        for (; bits != 0 && count < Sample; bits &= bits - 1)
            count = Add(node, (word << 6) + ((BitOperations.TrailingZeroCount(bits) + turn) & 63), count);
        return count;
    }

    private int Add(SwarmNode node, int piece, int count)
    {
        if (piece >= table.Size || !node.Lacks(piece))
            return count;
        candidates[count] = piece;
        rarity[count] = (table.Holders(piece) << 6) + random.Next(64);
        return count + 1;
    }

    private SwarmNode? FindSource(SwarmNode node, int piece, TimeSpan now, SwarmNode? except, bool mayLookAtAll, int more = 0)
    {
        SwarmNode? best = null;
        void Consider(SwarmNode? source)
        {
            if (source is not null && Has(source, piece) && source.Peer.Node != except?.Peer.Node && source.Uploads < options.UploadsPerPeer + more && (best is null || source.Uploads < best.Uploads) && IsUsable(source, node, now))
                best = source;
        }

        foreach (var source in table.RecentHolders(piece))
            Consider(source);
        if (members.Count > 0 && table.Holders(piece) > table.RecentHolders(piece).Length)
            for (var i = 0; i < Probes; i++)
                Consider(members[random.Next(members.Count)]);
        if (replicas.Count > 0)
            for (var i = 0; i < Probes; i++)
                Consider(replicas[random.Next(replicas.Count)]);
        if (best is not null || !mayLookAtAll)
            return best;
        // Few have it and it was not remembered who, or they are busy. One look at all nodes a decision, no more.
        foreach (var source in members)
        {
            Consider(source);
            if (best is null)
                continue;
            table.Remember(piece, best);
            break;
        }

        return best;
    }
}
