using System.Buffers;
using System.Globalization;
using System.Text;
using DatasetCache.Integrity;

namespace DatasetCache.History;

/// <summary>
/// A line per event: <c>CHECKSUM MILLISECONDS KIND KEY DETAIL</c>, the checksum over what follows it. A line that was torn, or mixed with another, does not have its
/// checksum and is passed over.
/// </summary>
internal static class HistoryRecord
{
    /// <summary>Bytes of a line at most, so that one write appends it whole.</summary>
    public const int Longest = 1024;

    private const int ChecksumLength = 8;

    public static byte[] Write(EntryEvent happened)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{happened.At.ToUnixTimeMilliseconds()} {happened.Kind} {happened.CacheKey} {OneLine(happened.Detail)}");
        var bytes = Encoding.UTF8.GetBytes(text);
        const int most = Longest - ChecksumLength - 2;
        if (bytes.Length > most)
            bytes = bytes[..Boundary(bytes, most)];
        return Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Crc32C.Of(bytes):x8} {Encoding.UTF8.GetString(bytes)}\n"));
    }

    /// <summary>Null where these bytes are no event.</summary>
    public static EntryEvent? Read(ReadOnlySpan<byte> line)
    {
        if (line.Length <= ChecksumLength + 1 || !uint.TryParse(line[..ChecksumLength], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var checksum)
            || Crc32C.Of(line[(ChecksumLength + 1)..]) != checksum)
        {
            return null;
        }
        return Encoding.UTF8.GetString(line[(ChecksumLength + 1)..]).Split(' ', 4) is [var at, var kind, var key, var detail] && long.TryParse(at, CultureInfo.InvariantCulture, out var milliseconds)
            ? new EntryEvent(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), key, kind, detail) : null;
    }

    /// <summary>Whether a line may be of this key, by its bytes alone: most are not, and need not be taken apart.</summary>
    public static bool MayBeOf(ReadOnlySpan<byte> line, ReadOnlySpan<byte> key) => line.IndexOf(key) >= 0;

    private static string OneLine(string text) => text.AsSpan().ContainsAny(LineBreaks) ? text.ReplaceLineEndings("; ").Replace('\n', ' ').Replace('\r', ' ') : text;

    // Not within a character.
    private static int Boundary(ReadOnlySpan<byte> bytes, int at)
    {
        while ((bytes[at] & 0xC0) == 0x80)
            at--;
        return at;
    }

    private static readonly SearchValues<char> LineBreaks = SearchValues.Create("\r\n\u0085\u2028\u2029\f");
}
