namespace DatasetCache.Coordination;

/// <summary>One plan's pieces: who has how many, what they must be, who reads them from the origin. Nothing here scans all pieces or all nodes in the ordinary course.</summary>
internal sealed class PieceTable(int pieces)
{
    private const int Remembered = 4;
    private const int FreshOnes = 32;

    private readonly int[] counts = new int[pieces];
    private readonly uint[] checksums = new uint[pieces];
    private readonly SwarmNode?[] recent = new SwarmNode?[pieces * Remembered];
    private readonly SwarmNode?[] readers = new SwarmNode?[pieces];
    private readonly int[] fresh = new int[FreshOnes];
    private int freshCount;

    public int Size => pieces;

    /// <summary>At least one node has it.</summary>
    public PieceSet Available { get; } = new(pieces);

    /// <summary>Nobody has it and nobody reads it.</summary>
    public PieceSet Wanted { get; } = PieceSet.Full(pieces);

    /// <summary>What it must be is known.</summary>
    public PieceSet Known { get; } = new(pieces);

    public Dictionary<int, SwarmNode> Claims { get; } = [];

    /// <summary>Pieces that came into the cluster last: the rarest ones, in a plan too large to look at as a whole.</summary>
    public ReadOnlySpan<int> Fresh => fresh.AsSpan(0, Math.Min(freshCount, FreshOnes));

    public int Holders(int piece) => counts[piece];

    public uint Checksum(int piece) => checksums[piece];

    /// <summary>Who read it from the origin.</summary>
    public SwarmNode? Reader(int piece) => readers[piece];

    /// <summary>Nodes that were among its holders a short while ago; look whether they still are.</summary>
    public ReadOnlySpan<SwarmNode?> RecentHolders(int piece) => recent.AsSpan(piece * Remembered, Remembered);

    public void Prove(int piece, uint checksum, SwarmNode? reader)
    {
        checksums[piece] = checksum;
        readers[piece] ??= reader;
        Known.Add(piece);
    }

    public void Forget(int piece)
    {
        Known.Remove(piece);
        readers[piece] = null;
    }

    public void AddHolder(int piece, SwarmNode node)
    {
        if (!node.Held.Add(piece) || node.IsMuted)
            return;
        Count(piece, node);
    }

    public void RemoveHolder(int piece, SwarmNode node)
    {
        if (node.Held.Remove(piece) && !node.IsMuted)
            Discount(piece);
    }

    public void RemoveAll(SwarmNode node)
    {
        foreach (var piece in node.Held.Members())
            RemoveHolder(piece, node);
    }

    /// <summary>It keeps what it has, and nobody is sent to it.</summary>
    public void Mute(SwarmNode node, TimeSpan until)
    {
        if (!node.IsMuted)
            foreach (var piece in node.Held.Members())
                Discount(piece);
        node.MutedUntil = until;
    }

    public void Unmute(SwarmNode node)
    {
        node.MutedUntil = null;
        foreach (var piece in node.Held.Members())
            Count(piece, node);
    }

    public void Claim(int piece, SwarmNode node)
    {
        Claims[piece] = node;
        node.Claims.Add(piece);
        Wanted.Remove(piece);
    }

    public void Unclaim(int piece)
    {
        if (!Claims.Remove(piece, out var node))
            return;
        node.Claims.Remove(piece);
        if (counts[piece] == 0)
            Wanted.Add(piece);
    }

    private void Count(int piece, SwarmNode node)
    {
        var holders = recent.AsSpan(piece * Remembered, Remembered);
        holders[counts[piece] % Remembered] = node;
        if (counts[piece]++ != 0)
            return;
        Available.Add(piece);
        Wanted.Remove(piece);
        fresh[freshCount++ % FreshOnes] = piece;
        if (freshCount == 2 * FreshOnes)
            freshCount = FreshOnes;
    }

    private void Discount(int piece)
    {
        if (--counts[piece] != 0)
            return;
        Available.Remove(piece);
        if (!Claims.ContainsKey(piece))
            Wanted.Add(piece);
    }

    /// <summary>Remembers a holder that was found by looking at all nodes.</summary>
    public void Remember(int piece, SwarmNode node) => recent[piece * Remembered] = node;
}
