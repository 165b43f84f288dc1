using System.Globalization;
using System.Text;

namespace DatasetCache.Moving;

/// <summary>What a PAX header says of the file that follows it: <c>LENGTH KEY=VALUE\n</c>, any number of times.</summary>
internal sealed record PaxRecords(string? Path, long? Size)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="IntegrityException">It cannot be read, says something twice, or something that no export says (a link's target, a sparse map).</exception>
    public static PaxRecords Parse(ReadOnlySpan<byte> bytes, long position)
    {
        string? path = null;
        long? size = null;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (bytes.Length > 0)
        {
            var space = bytes.IndexOf((byte)' ');
            if (space < 1 || !int.TryParse(bytes[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > bytes.Length || bytes[length - 1] != '\n')
                throw Refused("a PAX record has a wrong length");
            var record = bytes[(space + 1)..(length - 1)];
            bytes = bytes[length..];
            var equals = record.IndexOf((byte)'=');
            if (equals < 1)
                throw Refused("a PAX record has no key");
            var key = Decode(record[..equals]);
            var value = Decode(record[(equals + 1)..]);
            if (!seen.Add(key))
                throw Refused("a PAX header says something twice");
            switch (key)
            {
                case "path":
                    path = value;
                    break;
                case "size" when long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                    size = number;
                    break;
                case "mtime" or "atime" or "ctime" or "comment" or "uid" or "gid" or "uname" or "gname":
                    break;
                default:
                    throw Refused($"a PAX record '{Datasets.PrintableText.Quote(key)}'");
            }
        }
        return new PaxRecords(path, size);

        string Decode(ReadOnlySpan<byte> text)
        {
            try
            {
                return Strict.GetString(text);
            }
            catch (DecoderFallbackException)
            {
                throw Refused("a PAX record is not UTF-8");
            }
        }

        IntegrityException Refused(string why) => ArchiveLayout.Refused(string.Create(CultureInfo.InvariantCulture, $"{why}, before byte {position}"));
    }
}
