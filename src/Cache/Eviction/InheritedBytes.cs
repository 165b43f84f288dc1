using System.Globalization;
using System.Text;
using DatasetCache.Integrity;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// <c>entries/KEY/inherited</c>: what an entry is charged for besides what it added itself. A file that several entries share is charged to the
/// oldest of them; when that one goes, the oldest that remains inherits the charge, by a line that names the donor. Written again for the same
/// donor (after a crash half-way) it replaces the line, so that nothing is charged twice for good.
/// </summary>
internal static class InheritedBytes
{
    private const string Name = "inherited";

    /// <summary>What the entry is charged for in all. Where the file is torn: as if it shared nothing, so that the quota holds.</summary>
    public static long Charged(EntryRecord record, DirectoryHandle entry)
    {
        if (entry.TryReadAll(Name) is not { } bytes)
            return record.OwnBytes;
        return Parse(bytes) is { } lines ? record.OwnBytes + lines.Values.Sum() : record.Bytes + (record.Files * SpaceLedger.Allocated(1));
    }

    public static void Add(DirectoryHandle entry, string donor, long bytes, DirectoryHandle temporary)
    {
        var old = entry.TryReadAll(Name);
        var lines = old is null ? [] : Parse(old);
        // A torn file charges for everything as it is.
        if (lines is null)
            return;
        lines[donor] = bytes;
        Write(entry, lines, temporary);
    }

    /// <summary>Replaces all that was noted: the entry is charged for exactly <paramref name="bytes"/>.</summary>
    public static void Set(DirectoryHandle entry, EntryRecord record, long bytes, DirectoryHandle temporary)
        => Write(entry, new Dictionary<string, long>(StringComparer.Ordinal) { ["recount"] = bytes - record.OwnBytes }, temporary);

    private static void Write(DirectoryHandle entry, Dictionary<string, long> lines, DirectoryHandle temporary)
    {
        var text = new StringBuilder();
        foreach (var (name, amount) in lines)
            text.Append(CultureInfo.InvariantCulture, $"{amount} {name}\n");
        text.Append(CultureInfo.InvariantCulture, $"{Crc32C.Of(Encoding.UTF8.GetBytes(text.ToString())):x8}\n");
        entry.WriteAtomically(Name, Encoding.UTF8.GetBytes(text.ToString()), temporary);
    }

    private static Dictionary<string, long>? Parse(byte[] bytes)
    {
        var end = bytes.Length - 9;
        if (end < 0 || bytes[^1] != '\n' || !uint.TryParse(bytes.AsSpan(end, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var checksum)
            || checksum != Crc32C.Of(bytes.AsSpan(0, end)))
            return null;
        var lines = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in Encoding.UTF8.GetString(bytes, 0, end).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            lines[line[(space + 1)..]] = long.Parse(line.AsSpan(0, space), CultureInfo.InvariantCulture);
        }
        return lines;
    }
}
