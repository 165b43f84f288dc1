namespace DatasetCache.Coordination;

/// <summary>The pieces that somebody waits for on this node, first come first.</summary>
/// <param name="isAll">Nothing else is wanted.</param>
internal sealed class MemberWants(bool isAll)
{
    // In one report. The next one, which follows as soon as something came, names others.
    private const int Named = 128;
    private readonly LinkedList<int> order = [];
    private readonly Dictionary<int, LinkedListNode<int>> pieces = [];

    public bool IsAll => isAll;

    /// <summary>Something was added that no report has named.</summary>
    public bool IsNew { get; set; }

    public bool IsEmpty => pieces.Count == 0;

    public bool Contains(int piece) => pieces.ContainsKey(piece);

    /// <returns>False where it is wanted already.</returns>
    public bool Add(int piece)
    {
        if (pieces.ContainsKey(piece))
            return false;
        pieces.Add(piece, order.AddLast(piece));
        return IsNew = true;
    }

    public void Remove(int piece)
    {
        if (pieces.Remove(piece, out var node))
            order.Remove(node);
    }

    /// <summary>Those that are not on their way.</summary>
    public IReadOnlyList<int> Untaken(MemberTransfers transfers) => pieces.Count == 0 ? [] : [.. order.Where(piece => !transfers.IsUnderWay(piece)).Take(Named)];
}
