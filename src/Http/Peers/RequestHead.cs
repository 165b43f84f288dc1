using System.Text;

namespace DatasetCache.Http.Peers;

/// <summary>The head of a request, as far as this server wants to know it.</summary>
internal sealed record RequestHead(string Method, string Target, string Host, string? Authorization, bool Closes)
{
    private static ReadOnlySpan<byte> End => "\r\n\r\n"u8;

    /// <summary>Reads a head from the beginning of what has come so far.</summary>
    /// <param name="length">Bytes of the head, its empty line included.</param>
    /// <returns>False where more is needed. True and no head where it is none: not a word of it is believed then.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out int length, out RequestHead? head)
    {
        head = null;
        var end = bytes.IndexOf(End);
        length = end + End.Length;
        if (end < 0)
            // What cannot become a request need not be waited for.
            return bytes.Length > 0 && !char.IsAsciiLetterUpper((char)bytes[0]);
        head = Parse(bytes[..end]);
        return true;
    }

    private static RequestHead? Parse(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (b is > 0x7E or < 0x20 and not ((byte)'\r' or (byte)'\n'))
                return null;
        }
        var lines = Encoding.ASCII.GetString(bytes).Split("\r\n");
        if (lines[0].Split(' ') is not [var method, ['/', ..] target, "HTTP/1.1"] || method.Length == 0 || !method.All(char.IsAsciiLetterUpper))
            return null;
        string? host = null, authorization = null;
        var closes = false;
        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            // A line break that is not one, a folded line, a name with blanks: two readers could understand two things.
            if (colon <= 0 || line.AsSpan().ContainsAny('\r', '\n') || line.AsSpan(0, colon).Contains(' '))
                return null;
            var value = line[(colon + 1)..].Trim(' ');
            switch (line[..colon].ToLowerInvariant())
            {
                case "host" when host is null:
                    host = value;
                    break;
                case "authorization" when authorization is null:
                    authorization = value;
                    break;
                case "connection":
                    closes |= value.Equals("close", StringComparison.OrdinalIgnoreCase);
                    break;
                // Said twice; or a body is to come, which no request here has.
                case "host" or "authorization" or "content-length" or "transfer-encoding" or "expect" or "upgrade":
                    return null;
            }
        }
        return host is null ? null : new RequestHead(method, target, host, authorization, closes);
    }
}
