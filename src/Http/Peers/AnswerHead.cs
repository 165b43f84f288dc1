using System.Globalization;
using System.Text;

namespace DatasetCache.Http.Peers;

/// <summary>The head of an answer, as far as a client wants to know it.</summary>
/// <param name="Length">Bytes of the body: always said, never to be guessed.</param>
/// <param name="Pieces">How many pieces a plan has, where that was asked.</param>
/// <param name="Date">The server's clock, with a refusal.</param>
/// <param name="Refusal">Which part of the credential it did not like.</param>
internal sealed record AnswerHead(int Status, long Length, bool Closes, int? Pieces, DateTimeOffset? Date, string? Refusal)
{
    /// <summary>What the ranges of the body have, as the sender knows it: CRC32C each. Empty where it did not say.</summary>
    public IReadOnlyList<uint> Checksums { get; init; } = [];

    /// <param name="length">Bytes of the head, its empty line included.</param>
    /// <returns>False where more is needed; true and no head where it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out int length, out AnswerHead? head)
    {
        head = null;
        var end = bytes.IndexOf("\r\n\r\n"u8);
        length = end + 4;
        if (end < 0)
            return !"HTTP/1.1 "u8.StartsWith(bytes[..Math.Min(9, bytes.Length)]);
        head = Parse(Encoding.Latin1.GetString(bytes[..end]).Split("\r\n"));
        return true;
    }

    private static AnswerHead? Parse(string[] lines)
    {
        var status = lines[0];
        if (status.Length < 12 || !status.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) || !int.TryParse(status.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            return null;
        var head = new AnswerHead(code, -1, Closes: false, null, null, null);
        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
                return null;
            var value = line[(colon + 1)..].Trim();
            switch (line[..colon].ToLowerInvariant())
            {
                case "content-length":
                    if (head.Length >= 0 || !long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
                        return null;
                    head = head with { Length = length };
                    break;
                case "transfer-encoding":
                    return null;
                case "connection":
                    head = head with { Closes = value.Equals("close", StringComparison.OrdinalIgnoreCase) };
                    break;
                case "x-pieces" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var pieces):
                    head = head with { Pieces = pieces };
                    break;
                case "x-piece-checksums":
                    if (ParseChecksums(value) is not { } checksums)
                        return null;
                    head = head with { Checksums = checksums };
                    break;
                case "date" when DateTimeOffset.TryParseExact(value, "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date):
                    head = head with { Date = date };
                    break;
                case "www-authenticate":
                    head = head with { Refusal = value };
                    break;
            }
        }
        return head.Length < 0 ? null : head;
    }

    private static uint[]? ParseChecksums(string value)
    {
        var words = value.Split(',');
        var checksums = new uint[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i].Length != 8 || !uint.TryParse(words[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out checksums[i]))
                return null;
        }
        return checksums;
    }
}
