namespace DatasetCache.Coordination;

/// <summary>
/// A node's side of one piece plan: what to fetch, what to tell the coordinator, how to go on without one. It does nothing itself, has no clock and no lock: call one method at
/// a time and hand in the time of a monotonic clock. After each call of an input (<see cref="Replied"/>, <see cref="Unavailable"/>, <see cref="Completed"/>,
/// <see cref="Failed"/>, <see cref="NeighbourHolds"/>) call <see cref="Step"/> and do what it says; several inputs may come before one step.
/// </summary>
/// <param name="session">A new one per download.</param>
/// <param name="held">Pieces that are here and were checked; taken over, also to be read by others (what is served) under the same lock.</param>
/// <param name="checksums">Of the held pieces, in the order of their numbers.</param>
/// <param name="expected">What all pieces must be, where a manifest says so (<see cref="ManifestDecision.TakeReplica"/>); empty otherwise.</param>
internal sealed class SwarmMember(
    Peer self,
    Guid session,
    string plan,
    PieceSet held,
    IReadOnlyList<uint> checksums,
    IReadOnlyList<PartialPiece> partial,
    IReadOnlyList<uint> expected,
    MemberOptions options,
    int seed)
{
    /// <summary>Pieces that are here: known to be right, or taken from a neighbour while nobody could tell.</summary>
    public PieceSet Held => held;

    /// <summary>The highest epoch heard of.</summary>
    public Epoch Seen => throw new NotSupportedException($"{self}{session}{plan}{checksums}{partial}{expected}{options}{seed}");

    /// <summary>The coordinator's answer to the report under way. A late one, to a report that was given up, does no harm.</summary>
    public void Replied(MemberReply reply, TimeSpan now) => throw new NotSupportedException();

    /// <summary>The call failed or took too long (give it 5 s). Its reply, if one comes after all, may be dropped or handed in.</summary>
    public void Unavailable(TimeSpan now) => throw new NotSupportedException();

    /// <param name="source">The node it came from; null for the origin.</param>
    /// <returns>True: it is what it must be as far as is known, and counts as held. False: it is not (or is here already), and must not be kept.</returns>
    public bool Completed(int piece, uint checksum, string? source, TimeSpan now) => throw new NotSupportedException();

    public void Failed(int piece, string? source, PieceFailure failure, TimeSpan now) => throw new NotSupportedException();

    /// <param name="pieces">What it has; null where it did not answer.</param>
    public void NeighbourHolds(Peer neighbour, PieceSet? pieces, TimeSpan now) => throw new NotSupportedException();

    public MemberStep Step(TimeSpan now) => throw new NotSupportedException();

    /// <summary>All that is known here in one report, for a coordinator that asks (<see cref="NodeHolding.Downloads"/>).</summary>
    public MemberReport Describe() => throw new NotSupportedException();

    /// <summary>The last report, where the download ends before it is done, or the node stops. No step may follow.</summary>
    public MemberReport Leave(bool staysAsSource) => throw new NotSupportedException();
}
