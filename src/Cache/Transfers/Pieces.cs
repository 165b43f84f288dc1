using DatasetCache.Datasets;

namespace DatasetCache.Transfers;

/// <summary>
/// The pieces of a manifest's files, in its order, which of them are here, and their checksums. A file has one piece per MiB, an empty
/// file has one empty piece. Safe for any number of writers of different pieces.
/// </summary>
internal sealed class Pieces
{
    /// <summary>Bytes in every piece of a file but its last.</summary>
    public const int Size = 1024 * 1024;

    private readonly int[] first;
    private readonly uint[] checksums;
    private readonly bool[] done;

    public Pieces(Manifest manifest)
    {
        Manifest = manifest;
        first = new int[manifest.Files.Count + 1];
        for (var i = 0; i < manifest.Files.Count; i++)
            first[i + 1] = first[i] + CountFor(manifest.Files[i].Size);
        checksums = new uint[first[^1]];
        done = new bool[first[^1]];
    }

    public Manifest Manifest { get; }

    public static int CountFor(long size) => size == 0 ? 1 : checked((int)((size + Size - 1) / Size));

    /// <summary>How many bytes a piece of a file of this size has.</summary>
    public static int LengthOf(long fileSize, int piece) => (int)Math.Min(Size, fileSize - ((long)piece * Size));

    public int Count(int file) => first[file + 1] - first[file];

    public bool Has(int file, int piece) => Volatile.Read(ref done[first[file] + piece]);

    public bool HasAll(int file) => !done.AsSpan(first[file], Count(file)).Contains(false);

    public bool HasAny(int file) => done.AsSpan(first[file], Count(file)).Contains(true);

    public uint Checksum(int file, int piece) => checksums[first[file] + piece];

    public ReadOnlySpan<uint> Checksums(int file) => checksums.AsSpan(first[file], Count(file));

    public void Complete(int file, int piece, uint checksum)
    {
        checksums[first[file] + piece] = checksum;
        Volatile.Write(ref done[first[file] + piece], true);
    }

    public void Forget(int file, int piece) => Volatile.Write(ref done[first[file] + piece], false);

    public void CompleteAll(int file, ReadOnlySpan<uint> fileChecksums)
    {
        fileChecksums.CopyTo(checksums.AsSpan(first[file], Count(file)));
        done.AsSpan(first[file], Count(file)).Fill(true);
    }
}
