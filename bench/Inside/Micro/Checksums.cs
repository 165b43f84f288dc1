using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using DatasetCache.Integrity;
using DatasetCache.Testing;

namespace DatasetCache.Bench.Micro;

/// <summary>What checking a piece of 4 MiB costs by CRC-32C and by what others use.</summary>
public class Checksums
{
    private readonly byte[] piece = MemoryOrigin.Bytes(1, Transfers.Pieces.Size);

    [Benchmark(Baseline = true)]
    public uint Crc32CofPiece() => Crc32C.Of(piece);

    [Benchmark]
    public byte[] Md5OfPiece() => MD5.HashData(piece);

    [Benchmark]
    public byte[] Sha256OfPiece() => SHA256.HashData(piece);
}
