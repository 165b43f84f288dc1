using System.Globalization;

namespace DatasetCache.Bench.Peer;

/// <summary>What lies in the folder that is served, and how it is cut into pieces of a MiB.</summary>
internal static class Layout
{
    public const int Piece = 1 << 20;
    public const int LargeFiles = 8;
    public const int PiecesPerFile = 128;
    public const int LargePieces = LargeFiles * PiecesPerFile;
    public const int SmallFiles = 2000;
    public const int SmallSize = 100 * 1024;
    public const int FilesPerPiece = 10;
    public const int SmallPieces = SmallFiles / FilesPerPiece;
    public const int TinySize = 4096;
    public const int FilesPerTinyPiece = 256;
    public const int TinyPieces = 64;
    public static readonly string LargePlan = new('a', 64);
    public static readonly string SmallPlan = new('b', 64);
    public static readonly string TinyPlan = new('c', 64);

    public static string Large(int file) => string.Create(CultureInfo.InvariantCulture, $"large{file}");

    public static string Small(int file) => string.Create(CultureInfo.InvariantCulture, $"small{file}");

    public static string Tiny(int file) => string.Create(CultureInfo.InvariantCulture, $"tiny{file}");

    public static void Make(string folder)
    {
        var block = new byte[Piece];
        var random = new Random(1);
        random.NextBytes(block);
        for (var i = 0; i < LargeFiles; i++)
        {
            using var file = File.Create(Path.Combine(folder, Large(i)));
            for (var piece = 0; piece < PiecesPerFile; piece++)
            {
                BitConverter.TryWriteBytes(block, (i * PiecesPerFile) + piece);
                file.Write(block);
            }
        }
        // Everything once more as one file: what is best for nginx and curl.
        using (var whole = File.Create(Path.Combine(folder, "whole")))
        {
            for (var i = 0; i < LargeFiles; i++)
            {
                using var file = File.OpenRead(Path.Combine(folder, Large(i)));
                file.CopyTo(whole);
            }
        }
        for (var i = 0; i < SmallFiles; i++)
            File.WriteAllBytes(Path.Combine(folder, Small(i)), block.AsSpan(0, SmallSize));
        for (var i = 0; i < TinyPieces * FilesPerTinyPiece; i++)
            File.WriteAllBytes(Path.Combine(folder, Tiny(i)), block.AsSpan(0, TinySize));
    }
}
