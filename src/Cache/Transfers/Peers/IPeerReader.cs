using DatasetCache.Coordination;

namespace DatasetCache.Transfers.Peers;

/// <summary>Reads from other nodes' data planes. Failures are <see cref="PeerException"/>s, one attempt each: whoever asks has other nodes to ask.</summary>
internal interface IPeerReader
{
    /// <summary>A manifest document, checked against its digest.</summary>
    Task<byte[]> ReadManifestAsync(Peer peer, string digest, CancellationToken cancellationToken);

    /// <summary>The pieces of a plan that a node has right now.</summary>
    Task<PieceSet> ReadHeldAsync(Peer peer, string plan, int pieces, CancellationToken cancellationToken);

    /// <summary>
    /// Reads parts of consecutive pieces of one plan, in their order; hands each buffer to <paramref name="sink"/> as it comes. The sink checks checksums.
    /// </summary>
    Task ReadPiecesAsync(Peer peer, PieceRequest request, IPieceSink sink, CancellationToken cancellationToken);
}

/// <param name="Plan">Digest of the plan.</param>
/// <param name="First">First of <paramref name="Count"/> consecutive pieces.</param>
/// <param name="Parts">Which parts of the piece are wanted, where not all (then <paramref name="Count"/> is 1): numbers within the piece.</param>
/// <param name="Length">How many bytes that is, by the plan: the answer has exactly these.</param>
internal sealed record PieceRequest(string Plan, int First, int Count, long Length, IReadOnlyList<int>? Parts = null);

/// <summary>Where the bytes of a request go, in order.</summary>
internal interface IPieceSink
{
    /// <summary>Room for the next bytes: at most as many are written to it.</summary>
    Memory<byte> Next();

    /// <summary>What the sender says that the ranges of its answer have (<see cref="PieceRange.Checksum"/>), before their bytes.</summary>
    void Promise(IReadOnlyList<uint> checksums);

    /// <exception cref="PeerException">What has come is not what it should be.</exception>
    void Accept(int count);
}

internal sealed class PeerException(PieceFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public PieceFailure Failure => failure;
}
