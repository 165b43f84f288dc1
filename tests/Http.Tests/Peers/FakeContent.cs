using System.Security.Cryptography;
using DatasetCache.Coordination;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

/// <summary>Pieces of real files, and how often anything was asked for.</summary>
internal sealed class FakeContent : IPeerContent, IDisposable
{
    public const string Plan = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private readonly TempFolder folder = new();
    private readonly Dictionary<int, (string File, (long Offset, int Length)[] Ranges)> pieces = [];
    private int calls;

    public int Calls => Volatile.Read(ref calls);

    public Dictionary<string, byte[]> Manifests { get; } = [];

    public PieceSet? Held { get; set; }

    public string AddManifest(byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Manifests[digest] = bytes;
        return digest;
    }

    /// <summary>A piece of ranges of one file, with a gap between each.</summary>
    /// <returns>Its bytes, part by part.</returns>
    public byte[][] AddPiece(int piece, params int[] lengths)
    {
        var bytes = MemoryOrigin.Bytes(piece + 1, lengths.Sum(length => length + 3));
        var path = folder.Write($"piece{piece}", bytes);
        var at = 0;
        var ranges = lengths.Select(length => ((long)(at += length + 3) - length, length)).ToArray();
        pieces[piece] = (path, ranges);
        return [.. ranges.Select(range => bytes.AsSpan((int)range.Item1, range.length).ToArray())];
    }

    /// <summary>Its file loses its end.</summary>
    public void Truncate(int piece)
    {
        using var file = File.OpenWrite(pieces[piece].File);
        file.SetLength(file.Length / 2);
    }

    public byte[]? FindManifest(string digest)
    {
        Interlocked.Increment(ref calls);
        return Manifests.GetValueOrDefault(digest);
    }

    public PieceSet? FindHeld(string plan)
    {
        Interlocked.Increment(ref calls);
        return plan == Plan ? Held : null;
    }

    public OpenPiece? TryOpen(string plan, int piece, IReadOnlyList<int>? parts)
    {
        Interlocked.Increment(ref calls);
        if (plan != Plan || !pieces.TryGetValue(piece, out var found) || parts?.Any(part => part >= found.Ranges.Length) == true)
            return null;
        var bytes = File.ReadAllBytes(found.File);
        return new OpenPiece([.. found.Ranges.Where((_, i) => parts is null || parts.Contains(i)).Select(range =>
            new PieceRange(OpenFile(found.File), range.Offset, range.Length, Crc32C.Of(bytes.AsSpan((int)Math.Min(range.Offset, bytes.Length), (int)Math.Min(range.Length, Math.Max(0, bytes.Length - range.Offset))))))]);
    }

    private FileHandle OpenFile(string path)
    {
        using var directory = new FileSystem().OpenRoot(Path.GetDirectoryName(path)!);
        return directory.TryOpen(Path.GetFileName(path))!;
    }

    public void Dispose() => folder.Dispose();
}
