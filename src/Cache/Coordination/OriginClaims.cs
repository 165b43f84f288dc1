namespace DatasetCache.Coordination;

/// <summary>Which node reads which pieces from the origin: each piece one node, as many pieces at a time as the origin gives well.</summary>
internal sealed class OriginClaims(PieceTable table, CoordinatorOptions options)
{
    private const int MostPassedOver = 256;

    private readonly Dictionary<int, OriginRead> reads = [];
    private readonly Dictionary<int, HashSet<string>> failures = [];
    private readonly Dictionary<int, HashSet<string>> shunned = [];
    private readonly Dictionary<int, (SwarmNode Node, int Missing)> leastLacking = [];
    private int cursor;
    private bool unprovenOnly;

    public OriginWindow Window { get; } = new(options);

    /// <summary>A piece that nobody could read. Forgotten after a while: whoever comes then tries anew.</summary>
    public int? Hopeless { get; private set; }

    private TimeSpan hopelessSince;

    /// <summary>Gives <paramref name="node"/> runs of pieces to read.</summary>
    /// <param name="active">How many nodes download.</param>
    /// <param name="onlyUnproven">Others have the whole; what is to be read is only what nobody can vouch for.</param>
    public void Grant(SwarmNode node, int slots, int active, bool onlyUnproven, List<Assignment> assignments, TimeSpan now)
    {
        if (onlyUnproven && node.Unproven.Count == 0)
            return;
        unprovenOnly = onlyUnproven;
        // Everybody's share of the window; who comes first must not take it all.
        var share = Math.Max(1, (Window.Size + active - 1) / active);
        var allowance = Math.Min(share - node.OriginReads, Window.Free);
        var run = Math.Clamp(table.Wanted.Count / (4 * active), 1, Window.Run);
        (allowance, slots) = GrantPartial(node, allowance, slots, assignments, now);
        while (allowance > 0 && slots > 0 && FindWanted(node) is { } first)
        {
            var count = 1;
            while (count < Math.Min(run, slots) && first + count < table.Size && table.Wanted.Contains(first + count) && May(node, first + count))
                count++;
            Claim(first, count, node, now);
            assignments.Add(new Assignment(first, count, Source: null, []));
            allowance--;
            slots -= count;
            cursor = first + count;
        }
    }

    /// <summary>One read of pieces that follow each other.</summary>
    public void Claim(int first, int count, SwarmNode node, TimeSpan now)
    {
        var read = new OriginRead(node, now) { Left = count };
        for (var piece = first; piece < first + count; piece++)
        {
            table.Claim(piece, node);
            reads[piece] = read;
        }

        node.OriginReads++;
        Window.Begin(now);
    }

    public void GiveBack(int piece, TimeSpan now) => End(piece, isDone: false, now);

    public void Completed(int piece, TimeSpan now)
    {
        if (!End(piece, isDone: true, now))
            return;
        failures.Remove(piece);
        leastLacking.Remove(piece);
    }

    private bool End(int piece, bool isDone, TimeSpan now)
    {
        if (!reads.Remove(piece, out var read))
            return false;
        table.Unclaim(piece);
        if (isDone)
            read.Brought++;
        if (--read.Left > 0)
            return true;
        read.Node.OriginReads--;
        Window.End(read.Since, read.Brought, now);
        return true;
    }

    /// <summary>The origin did not give it to this node, after all retries.</summary>
    public void Failed(int piece, SwarmNode node, int active, TimeSpan now)
    {
        GiveBack(piece, now);
        if (!failures.TryGetValue(piece, out var nodes))
            failures.Add(piece, nodes = []);
        nodes.Add(node.Peer.Node);
        if (nodes.Count >= Math.Min(options.OriginTries, active) && table.Holders(piece) == 0)
            GiveUp(piece, now);
    }

    /// <summary>The piece is read again, if it can be by somebody else than these.</summary>
    public void Shun(int piece, IEnumerable<SwarmNode?> nodes) =>
        shunned[piece] = [.. nodes.Where(node => node is not null).Select(node => node!.Peer.Node)];

    public void SetPartial(SwarmNode node)
    {
        node.PartialLeft.Clear();
        foreach (var (piece, missing) in node.Partial)
        {
            node.PartialLeft.Enqueue(piece);
            if (!leastLacking.TryGetValue(piece, out var best) || best.Node.IsGone || best.Node.IsSourceOnly || missing < best.Missing)
                leastLacking[piece] = (node, missing);
        }
    }

    /// <summary>Who lacks least of a piece reads it.</summary>
    private (int Allowance, int Slots) GrantPartial(SwarmNode node, int allowance, int slots, List<Assignment> assignments, TimeSpan now)
    {
        // Each once: what another lacks less of, or is being read, is found like any other piece should it come free again.
        while (allowance > 0 && slots > 0 && node.PartialLeft.TryDequeue(out var piece))
        {
            if (!table.Wanted.Contains(piece) || !leastLacking.TryGetValue(piece, out var best) || best.Node != node || !May(node, piece))
                continue;
            Claim(piece, 1, node, now);
            assignments.Add(new Assignment(piece, 1, Source: null, []));
            allowance--;
            slots--;
        }

        return (allowance, slots);
    }

    private int? FindWanted(SwarmNode node)
    {
        if (unprovenOnly)
            return node.Unproven.Keys.Where(piece => table.Wanted.Contains(piece) && May(node, piece)).Select(piece => (int?)piece).FirstOrDefault();
        // Pieces that another node lacks less of are left to it while there are others, and those are soon found.
        int? last = null;
        var passed = 0;
        var words = table.Wanted.Bits;
        var start = cursor < table.Size ? cursor >> 6 : 0;
        for (var at = 0; at <= words.Length; at++)
        {
            var word = (start + at) % words.Length;
            // 64 words without any at a time.
            if ((word & 63) == 0 && at + 64 <= words.Length && word + 64 <= words.Length && table.Wanted.Some[word >> 6] == 0)
            {
                at += 63;
                continue;
            }

            var bits = words[word];
            if (at == 0)
                bits &= ulong.MaxValue << (cursor & 63);
            for (; bits != 0; bits &= bits - 1)
            {
                var piece = (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(bits);
                if (!May(node, piece))
                    continue;
                if (!leastLacking.TryGetValue(piece, out var best) || best.Node == node || best.Node.IsGone || best.Node.IsSourceOnly)
                    return piece;
                last ??= piece;
                if (++passed == MostPassedOver)
                    return last;
            }
        }

        return last;
    }

    private bool May(SwarmNode node, int piece) => (!unprovenOnly || node.Unproven.ContainsKey(piece)) && MayRead(node, piece);

    /// <summary>Nothing is known why this node should not be the one to read a piece.</summary>
    public bool MayRead(SwarmNode node, int piece)
    {
        // Others do not get it from this node, but it has it.
        if (node.Held.Contains(piece) || node.Withdrawn.Contains(piece))
            return false;
        if (failures.Count == 0 && shunned.Count == 0)
            return true;
        var name = node.Peer.Node;
        return !(failures.TryGetValue(piece, out var failed) && failed.Contains(name)) && !(shunned.TryGetValue(piece, out var avoided) && avoided.Contains(name));
    }

    /// <summary>Nobody else is there who could: those who were to be passed over may after all.</summary>
    public void Relent(Func<string, bool> isActive, int active, TimeSpan now)
    {
        if (Hopeless is { } hopeless && (now - hopelessSince >= options.HopelessRest || table.Holders(hopeless) > 0))
        {
            failures.Clear();
            Hopeless = null;
        }

        foreach (var (piece, nodes) in shunned.ToList())
            if (nodes.Count(isActive) >= active)
                shunned.Remove(piece);
        foreach (var (piece, nodes) in failures)
            if (active > 0 && Hopeless is null && table.Holders(piece) == 0 && nodes.Count >= Math.Min(options.OriginTries, active) && nodes.Count(isActive) >= active)
                GiveUp(piece, now);
    }

    private void GiveUp(int piece, TimeSpan now)
    {
        if (Hopeless is null)
            hopelessSince = now;
        Hopeless ??= piece;
    }
}

/// <summary>A run of pieces that a node reads from the origin.</summary>
internal sealed class OriginRead(SwarmNode node, TimeSpan since)
{
    public SwarmNode Node => node;

    public TimeSpan Since => since;

    /// <summary>Pieces of it that are still to come.</summary>
    public required int Left { get; set; }

    public int Brought { get; set; }
}
