using System.Globalization;
using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>
/// The manifest on disk: a line per file (size, ETag, the pieces' checksums, path, apart by tabs; safe paths hold none), and a last line with
/// the checksum of all before it, so that a torn file is known. An entry's manifest has a line more: a copy of its record.
/// </summary>
internal static class ManifestText
{
    // A pebibyte: more pieces than a number can count are nobody's file.
    private const long LargestFile = 1L << 50;
    private const string Header = "dscache-manifest 1";
    private const string RecordStart = "record ";

    /// <summary>Writes a manifest; with <paramref name="pieces"/> (over the same manifest) its checksums too.</summary>
    public static void Write(FileHandle file, Manifest manifest, Pieces? pieces)
    {
        var offset = 0L;
        foreach (var bytes in Compose(manifest, pieces))
        {
            file.Write(bytes, offset);
            offset += bytes.Length;
        }
    }

    /// <summary>The same in memory, for other nodes.</summary>
    public static byte[] ToBytes(Manifest manifest, Pieces? pieces)
    {
        using var all = new MemoryStream();
        foreach (var bytes in Compose(manifest, pieces))
            all.Write(bytes);
        return all.ToArray();
    }

    private static IEnumerable<byte[]> Compose(Manifest manifest, Pieces? pieces)
    {
        var buffer = new StringBuilder(128 * 1024);
        var crc = 0u;
        buffer.Append(Header).Append('\n');
        for (var i = 0; i < manifest.Files.Count; i++)
        {
            var entry = manifest.Files[i];
            buffer.Append(entry.Size).Append('\t').Append(entry.ETag).Append('\t');
            if (pieces is not null)
            {
                foreach (var checksum in pieces.Checksums(i))
                    buffer.Append(CultureInfo.InvariantCulture, $"{checksum:x8}");
            }
            buffer.Append('\t').Append(entry.Path).Append('\n');
            if (buffer.Length > 100 * 1024)
                yield return Flush();
        }
        yield return Flush();
        buffer.Append(CultureInfo.InvariantCulture, $"end {manifest.Files.Count} {crc:x8}\n");
        yield return Flush();

        byte[] Flush()
        {
            var bytes = Encoding.UTF8.GetBytes(buffer.ToString());
            crc = Crc32C.Append(crc, bytes);
            buffer.Clear();
            return bytes;
        }
    }

    /// <summary>One line: a file and, where they were known, the checksums of its pieces.</summary>
    public readonly record struct Line(ManifestFile File, uint[] Checksums);

    /// <summary>Reads all lines, or null where the file is torn or foreign.</summary>
    public static IReadOnlyList<Line>? Read(DirectoryHandle directory, string name) => directory.TryReadAll(name) is { } bytes ? Read(bytes) : null;

    /// <summary>The same of bytes in memory; whatever follows the manifest's last line is passed over.</summary>
    public static IReadOnlyList<Line>? Read(byte[] bytes)
    {
        bytes = bytes[..RecordAt(bytes)];
        var end = bytes.AsSpan().TrimEnd((byte)'\n').LastIndexOf((byte)'\n') + 1;
        var last = Encoding.UTF8.GetString(bytes.AsSpan(end));
        var lines = new List<Line>();
        var rest = bytes.AsSpan(0, end);
        if (rest.Length == 0 || !Next(ref rest).SequenceEqual(Encoding.ASCII.GetBytes(Header)))
            return null;
        while (rest.Length > 0)
        {
            if (Parse(Next(ref rest)) is not { } line)
                return null;
            lines.Add(line);
        }
        var expected = string.Create(CultureInfo.InvariantCulture, $"end {lines.Count} {Crc32C.Of(bytes.AsSpan(0, end)):x8}\n");
        return string.Equals(last, expected, StringComparison.Ordinal) ? lines : null;
    }

    /// <summary>Adds a copy of the entry's record, whole or not at all for who reads it.</summary>
    public static void AppendRecord(FileHandle file, EntryRecord record)
    {
        // On one line: no string in JSON holds a newline.
        var json = Encoding.UTF8.GetString(record.ToJson()).ReplaceLineEndings(" ");
        var line = string.Create(CultureInfo.InvariantCulture, $"{RecordStart}{Crc32C.Of(Encoding.UTF8.GetBytes(json)):x8} {json}\n");
        file.Write(Encoding.UTF8.GetBytes(line), file.Status().Size);
    }

    /// <summary>The copy of the entry's record, or null where there is none or it is torn.</summary>
    public static EntryRecord? ReadRecord(DirectoryHandle directory, string name)
    {
        if (directory.TryReadAll(name) is not { } bytes)
            return null;
        var line = bytes.AsMemory(RecordAt(bytes));
        const int Head = 16; // The word, the checksum, a space.
        if (line.Length <= Head || !line.Span.StartsWith(Encoding.ASCII.GetBytes(RecordStart)) || line.Span[^1] != (byte)'\n' || !uint.TryParse(line.Span[RecordStart.Length..(Head - 1)], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var checksum))
            return null;
        var json = line[Head..^1];
        return Crc32C.Of(json.Span) == checksum ? EntryRecord.FromJson(json) : null;
    }

    /// <summary>A manifest's bytes as they are for who keeps the record elsewhere.</summary>
    public static byte[] WithoutRecord(byte[] bytes) => bytes[..RecordAt(bytes)];

    /// <summary>What follows the manifest's last line.</summary>
    public static ReadOnlyMemory<byte> Appendix(byte[] bytes) => bytes.AsMemory(RecordAt(bytes));

    // Where the line with the record begins, or whatever a power cut left of it; the length where there is none. A file's line begins with a digit.
    private static int RecordAt(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.LastIndexOf("\nend "u8);
        var newline = end < 0 ? -1 : bytes[(end + 1)..].IndexOf((byte)'\n');
        return newline < 0 ? bytes.Length : end + newline + 2;
    }

    private static Span<byte> Next(ref Span<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        var line = rest[..end];
        rest = rest[(end + 1)..];
        return line;
    }

    private static Line? Parse(ReadOnlySpan<byte> line)
    {
        Span<Range> parts = stackalloc Range[5];
        var count = 0;
        foreach (var range in line.Split((byte)'\t'))
        {
            if (count == 4)
                return null;
            parts[count++] = range;
        }
        if (count != 4 || !long.TryParse(line[parts[0]], CultureInfo.InvariantCulture, out var size) || size is < 0 or > LargestFile)
            return null;
        var hex = line[parts[2]];
        if (hex.Length != 0 && hex.Length != Pieces.CountFor(size) * 8)
            return null;
        var checksums = hex.Length == 0 ? [] : new uint[hex.Length / 8];
        for (var i = 0; i < checksums.Length; i++)
        {
            if (!uint.TryParse(hex.Slice(i * 8, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out checksums[i]))
                return null;
        }
        return new Line(new ManifestFile(Encoding.UTF8.GetString(line[parts[3]]), size, Encoding.UTF8.GetString(line[parts[1]])), checksums);
    }
}
