using System.Globalization;
using System.Text;

namespace DatasetCache.Moving;

/// <summary>
/// Reads a tar of which nothing is believed: regular files in ustar headers with PAX records, and nothing else. System.Formats.Tar is for archives of
/// friends: of a stranger's it allocates what a header says (docs/decisions/0010).
/// </summary>
internal sealed class ArchiveReader(Stream input, long maxMembers, CancellationToken cancellationToken)
{
    private const int Block = 512;
    private const int LongestPax = 64 * 1024;

    /// <summary>What fits the header's own field; above it the PAX record counts alone.</summary>
    private const long LargestInHeader = (8L << 30) - 1;

    // Tools pad to their block size: GNU tar to 10 KiB, dd to what it was told.
    private const int MostPadding = 1 << 20;

    private readonly byte[] header = new byte[Block];
    private long unread, padding, members;

    /// <summary>One file of the archive.</summary>
    public sealed record Member(string Name, long Size);

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    /// <summary>The next file; what is left of the one before is passed over.</summary>
    /// <exception cref="IntegrityException">The archive ends here without its end, or holds something that no export writes.</exception>
    public Member Next()
    {
        Skip();
        PaxRecords? pax = null;
        while (true)
        {
            ReadBlock();
            if (!header.AsSpan().ContainsAnyExcept((byte)0))
                throw ArchiveLayout.Cut(Text($"its last member is missing, at byte {Position}"));
            CheckHeader();
            var size = Octal(124, 12);
            switch ((char)header[156])
            {
                case 'x' when pax is null:
                    if (size > LongestPax)
                        throw Refused("a PAX header is too long");
                    pax = PaxRecords.Parse(ReadSmall((int)size), Position);
                    continue;
                case '0' or '\0':
                    return Open(pax, size);
                default:
                    throw Refused($"a member of type '{Printable(header[156])}' (link, device, directory or extension)");
            }
        }
    }

    private Member Open(PaxRecords? pax, long size)
    {
        if (++members > maxMembers)
            throw ArchiveLayout.Refused(Text($"it has more than {maxMembers} members (--max-entries)"));
        // Two sizes for one file are two opinions about where the next header is.
        if (pax?.Size is { } real)
        {
            if (real <= LargestInHeader && real != size)
                throw Refused(Text($"a PAX record says {real} bytes and its header {size}"));
            size = real;
        }
        unread = size;
        padding = (Block - (size % Block)) % Block;
        return new Member(pax?.Path ?? Name(), size);
    }

    /// <summary>Fills the buffer from the current file.</summary>
    public void Read(Span<byte> buffer)
    {
        if (buffer.Length > unread)
            throw new InvalidOperationException("More is read than the member has.");
        ReadRaw(buffer);
        unread -= buffer.Length;
    }

    /// <summary>All of the current file, which the caller found to be small.</summary>
    public byte[] ReadAll()
    {
        var bytes = new byte[unread];
        Read(bytes);
        return bytes;
    }

    /// <summary>After the last member: nothing may follow but the tar's own end and padding.</summary>
    public void Finish()
    {
        Skip();
        Span<byte> rest = stackalloc byte[Block];
        for (var seen = 0; ;)
        {
            var read = input.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false);
            Position += read;
            seen += read;
            if (rest[..read].ContainsAnyExcept((byte)0))
                throw Refused("something follows the last member");
            if (read < rest.Length)
                return;
            if (seen > MostPadding)
                throw Refused("its padding has no end");
        }
    }

    private void Skip()
    {
        Span<byte> buffer = stackalloc byte[Block * 8];
        for (var left = unread + padding; left > 0;)
        {
            var part = buffer[..(int)Math.Min(left, buffer.Length)];
            ReadRaw(part);
            left -= part.Length;
        }
        unread = padding = 0;
    }

    private byte[] ReadSmall(int size)
    {
        unread = size;
        padding = (Block - (size % Block)) % Block;
        var bytes = ReadAll();
        Skip();
        return bytes;
    }

    private void ReadBlock() => ReadRaw(header);

    private void ReadRaw(Span<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int read;
        try
        {
            read = input.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (IOException e)
        {
            throw new StorageException($"The archive cannot be read on at byte {Position.ToString(CultureInfo.InvariantCulture)}: {e.Message}", inner: e);
        }
        Position += read;
        if (read < buffer.Length)
            throw ArchiveLayout.Cut(Text($"at byte {Position}"));
    }

    private void CheckHeader()
    {
        if (!header.AsSpan(257, 8).SequenceEqual("ustar\000"u8))
            throw Refused("no ustar header stands there");
        var sum = 0;
        for (var i = 0; i < Block; i++)
            sum += i is >= 148 and < 156 ? ' ' : header[i];
        if (sum != Octal(148, 8))
            throw Refused("a header does not have its checksum");
    }

    private long Octal(int offset, int length)
    {
        var field = header.AsSpan(offset, length).Trim("\0 "u8);
        var value = 0L;
        foreach (var digit in field)
        {
            if (digit is < (byte)'0' or > (byte)'7')
                throw Refused("a header holds a number that is none");
            value = (value * 8) + (digit - '0');
        }
        return value;
    }

    private string Name()
    {
        var name = Field(0, 100);
        var prefix = Field(345, 155);
        return prefix.Length == 0 ? name : prefix + "/" + name;

        string Field(int offset, int length)
        {
            var bytes = header.AsSpan(offset, length);
            var end = bytes.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
        }
    }

    private IntegrityException Refused(string why) => ArchiveLayout.Refused(Text($"{why}, at byte {Position}"));

    private static string Printable(byte type) => type is > 32 and < 127 ? ((char)type).ToString() : Text($"{type:x2}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
