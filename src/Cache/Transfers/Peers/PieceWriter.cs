using System.Buffers;
using DatasetCache.Coordination;
using DatasetCache.Integrity;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>
/// Puts pieces that come from another node into staging. A piece is gathered in memory and checked as a whole: not one wrong byte of a peer gets into a file.
/// </summary>
internal sealed class PieceWriter : IPieceSink, IDisposable
{
    private readonly PlacedPlan plan;
    private readonly StagingArea staging;
    private readonly int first;
    private readonly IReadOnlyList<int>? only;
    private readonly Func<int, uint?> expected;
    private readonly Action<int, uint, int> written;
    private readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(Pieces.Size);
    private IReadOnlyList<uint> promised = [];
    private int piece, length, filled, range;

    /// <param name="plan">The plan, placed in <paramref name="staging"/>.</param>
    /// <param name="first">The first of the pieces that come.</param>
    /// <param name="only">The parts that come, where one piece is not asked for as a whole.</param>
    /// <param name="expected">What a piece must have (<see cref="PiecePlan.Combine"/>); null where only the sender's word is known.</param>
    /// <param name="written">Called for each piece that is in its files, with its checksum and the bytes that came.</param>
    public PieceWriter(PlacedPlan plan, StagingArea staging, int first, IReadOnlyList<int>? only, Func<int, uint?> expected, Action<int, uint, int> written)
    {
        this.plan = plan;
        this.staging = staging;
        this.first = first;
        this.only = only;
        this.expected = expected;
        this.written = written;
        piece = first - 1;
        NextPiece();
    }

    private IEnumerable<int> PartsOf(int number) => number == first && only is not null ? only : Enumerable.Range(0, plan.Plan.PartCount(number));

    public void Promise(IReadOnlyList<uint> checksums) => promised = checksums;

    public Memory<byte> Next() => buffer.AsMemory(filled, length - filled);

    public void Accept(int count)
    {
        filled += count;
        if (filled < length)
            return;
        Store();
        NextPiece();
    }

    private void NextPiece()
    {
        piece++;
        filled = 0;
        length = piece < plan.Plan.Count ? PartsOf(piece).Sum(part => plan.Plan.LengthOf(plan.Plan.PartAt(piece, part))) : 0;
    }

    /// <summary>Of a piece of empty files alone nothing comes.</summary>
    public void StoreEmpty()
    {
        if (length == 0 && piece < plan.Plan.Count)
            Store();
    }

    private void Store()
    {
        var checksums = new uint[plan.Plan.PartCount(piece)];
        var coming = PartsOf(piece).ToHashSet();
        var offset = 0;
        for (var part = 0; part < checksums.Length; part++)
        {
            var at = plan.Plan.PartAt(piece, part);
            if (!coming.Contains(part))
            {
                checksums[part] = plan.Checksum(at);
                continue;
            }
            var size = plan.Plan.LengthOf(at);
            checksums[part] = Crc32C.Of(buffer.AsSpan(offset, size));
            offset += size;
            // An empty file has no range in the answer.
            if (size > 0 && range < promised.Count && promised[range++] != checksums[part])
                throw new PeerException(PieceFailure.WrongBytes, $"Piece {piece} of {plan.Plan.Digest} came with other bytes than its sender promised.");
        }
        var combined = PiecePlan.Combine(checksums);
        if (expected(piece) is { } right && right != combined)
            throw new PeerException(PieceFailure.WrongBytes, $"Piece {piece} of {plan.Plan.Digest} has the checksum {combined:x8}; it should be {right:x8}.");
        if (expected(piece) is null && promised.Count == 0 && length > 0)
            throw new PeerException(PieceFailure.WrongBytes, $"Piece {piece} of {plan.Plan.Digest} came without a checksum.");

        offset = 0;
        foreach (var part in PartsOf(piece))
        {
            var at = plan.Plan.PartAt(piece, part);
            var size = plan.Plan.LengthOf(at);
            if (!plan.Has(at))
                staging.Write(plan.Ordinals[at.File], at.Piece, buffer.AsSpan(offset, size), checksums[part], isProven: expected(piece) is not null);
            offset += size;
        }
        written(piece, combined, length);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(buffer);
}
