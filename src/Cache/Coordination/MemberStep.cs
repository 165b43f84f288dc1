namespace DatasetCache.Coordination;

/// <summary>What to do after <see cref="SwarmMember.Step"/>.</summary>
internal sealed record MemberStep
{
    public required MemberOutcome Outcome { get; init; }

    /// <summary>
    /// Transfers to start now, each a run of consecutive pieces, from a peer or the origin. Tell <see cref="SwarmMember.Completed"/> or <see cref="SwarmMember.Failed"/> of each piece.
    /// Where <see cref="Assignment.Checksums"/> is empty, check by what the source says.
    /// </summary>
    public IReadOnlyList<Assignment> Start { get; init; } = [];

    /// <summary>Pieces whose transfers from this source (null: the origin) are not wanted any more. Nothing need be told of them, and nothing is amiss if one completes all the same.</summary>
    public IReadOnlyList<CancelledPiece> Cancel { get; init; } = [];

    /// <summary>Pieces that are being read from the origin and that somebody elsewhere waits for: before the rest of their runs.</summary>
    public IReadOnlyList<int> Hurry { get; init; } = [];

    /// <summary>Pieces that were here and are not what the origin has: serve them no longer. They are fetched anew.</summary>
    public IReadOnlyList<int> Discard { get; init; } = [];

    /// <summary>To send now; null for nothing. Then <see cref="SwarmMember.Replied"/> or <see cref="SwarmMember.Unavailable"/>: until one of them no other is given.</summary>
    public MemberReport? Report { get; init; }

    /// <summary>Nodes to ask for the pieces that they have (<see cref="Transfers.Peers.IPeerReader.ReadHeldAsync"/>): then <see cref="SwarmMember.NeighbourHolds"/>, with null where it failed.</summary>
    public IReadOnlyList<Peer> AskHeld { get; init; } = [];

    /// <summary>Call <see cref="SwarmMember.Step"/> again no later than after this, and at once after any of the member's other methods was called.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>With <see cref="MemberOutcome.Hopeless"/>: the piece that cannot be had.</summary>
    public int? HopelessPiece { get; init; }
}

/// <param name="Source">The node that is asked; null for the origin.</param>
internal readonly record struct CancelledPiece(int Piece, string? Source);

internal enum MemberOutcome
{
    Working,
    /// <summary>All pieces are here and are known to be right. The step's report, if any, says so to the coordinator: send it, its reply does not matter.</summary>
    Done,
    /// <summary>The manifest is no longer what the origin has: start over.</summary>
    Superseded,
    /// <summary>A piece cannot be had from the origin.</summary>
    Hopeless,
}
