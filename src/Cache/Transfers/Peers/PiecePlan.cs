using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Integrity;

namespace DatasetCache.Transfers.Peers;

/// <summary>
/// The pieces in which nodes pass a manifest's files to each other: a MiB of a large file, or small files that follow each other in the manifest, together up
/// to a MiB. Every node makes the same plan of the same manifest, so a piece's number is all that needs to be said.
/// </summary>
internal sealed class PiecePlan
{
    /// <summary>Files in one piece at most: what a request for some of them has to name.</summary>
    public const int MostFiles = 256;

    private readonly List<(int File, int Files, int Piece)> pieces = [];

    public PiecePlan(Manifest manifest)
    {
        Manifest = manifest;
        for (var file = 0; file < manifest.Files.Count;)
        {
            if (manifest.Files[file].Size > Pieces.Size)
            {
                for (var piece = 0; piece < Pieces.CountFor(manifest.Files[file].Size); piece++)
                    pieces.Add((file, 1, piece));
                file++;
                continue;
            }
            var count = 0;
            for (var bytes = 0L; count < MostFiles && file + count < manifest.Files.Count; count++)
            {
                bytes += manifest.Files[file + count].Size;
                if (bytes > Pieces.Size)
                    break;
            }
            pieces.Add((file, count, 0));
            file += count;
        }
    }

    public Manifest Manifest { get; }

    /// <summary>The manifest's digest: plans of one manifest are the same.</summary>
    public string Digest => Manifest.Digest;

    public int Count => pieces.Count;

    /// <summary>One file's share in a piece.</summary>
    /// <param name="File">Which of the manifest's files.</param>
    /// <param name="Piece">Which piece of that file (<see cref="Transfers.Pieces"/>).</param>
    public readonly record struct Part(int File, int Piece);

    public int PartCount(int piece) => pieces[piece].Files;

    public Part PartAt(int piece, int part) => new(pieces[piece].File + part, pieces[piece].Piece);

    public IEnumerable<Part> Parts(int piece) => Enumerable.Range(0, PartCount(piece)).Select(part => PartAt(piece, part));

    public int LengthOf(Part part) => Pieces.LengthOf(Manifest.Files[part.File].Size, part.Piece);

    /// <summary>Bytes of a piece.</summary>
    public int LengthOf(int piece) => Parts(piece).Sum(LengthOf);

    /// <summary>The piece that a part belongs to.</summary>
    public int PieceOf(int file, int piece)
    {
        var (low, high) = (0, pieces.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (pieces[middle].File <= file)
                low = middle;
            else
                high = middle - 1;
        }
        // Of a large file, that was its last piece.
        return low - pieces[low].Piece + piece;
    }

    /// <summary>What nodes compare: CRC32C over the CRC32Cs of the parts, little-endian.</summary>
    public static uint Combine(IEnumerable<uint> checksums)
    {
        Span<byte> bytes = stackalloc byte[4];
        var combined = 0u;
        foreach (var checksum in checksums)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes, checksum);
            combined = Crc32C.Append(combined, bytes);
        }
        return combined;
    }
}

/// <summary>A plan and what of it is in a staging area or an entry: its files may have other numbers there.</summary>
/// <param name="Plan">The pieces.</param>
/// <param name="Ordinals">For each file of the plan its number in <paramref name="Present"/>.</param>
/// <param name="Present">What is here.</param>
internal sealed record PlacedPlan(PiecePlan Plan, IReadOnlyList<int> Ordinals, Pieces Present)
{
    public bool Has(PiecePlan.Part part) => Present.Has(Ordinals[part.File], part.Piece);

    public bool Has(int piece)
    {
        for (var part = 0; part < Plan.PartCount(piece); part++)
        {
            if (!Has(Plan.PartAt(piece, part)))
                return false;
        }
        return true;
    }

    public uint Checksum(PiecePlan.Part part) => Present.Checksum(Ordinals[part.File], part.Piece);

    public uint Checksum(int piece) => PiecePlan.Combine(Plan.Parts(piece).Select(Checksum));

    public PieceSet Held()
    {
        var held = new PieceSet(Plan.Count);
        for (var piece = 0; piece < Plan.Count; piece++)
        {
            if (Has(piece))
                held.Add(piece);
        }
        return held;
    }

    /// <summary>Pieces of which some files are here and some not.</summary>
    public IReadOnlyList<PartialPiece> Partial()
    {
        var partial = new List<PartialPiece>();
        for (var piece = 0; piece < Plan.Count; piece++)
        {
            var missing = Plan.Parts(piece).Where(part => !Has(part)).ToArray();
            if (missing.Length > 0 && missing.Length < Plan.PartCount(piece))
                partial.Add(new PartialPiece(piece, missing.Sum(Plan.LengthOf)));
        }
        return partial;
    }
}
