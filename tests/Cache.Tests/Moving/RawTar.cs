using System.Formats.Tar;
using System.Text;

namespace DatasetCache.Cache.Tests.Moving;

/// <summary>Puts a tar together byte by byte, the way no library would.</summary>
internal sealed class RawTar
{
    private readonly MemoryStream bytes = new();

    public RawTar Add(string name, byte[] content, char type = '0', string? pax = null, long? size = null, string link = "", Action<byte[]>? mend = null)
    {
        if (pax is not null)
            Put("PaxHeader", Encoding.UTF8.GetBytes(pax), 'x', null, "", null);
        Put(name, content, type, size, link, mend);
        return this;
    }

    public RawTar Add(string name, string content) => Add(name, Encoding.UTF8.GetBytes(content));

    public RawTar Raw(byte[] more)
    {
        bytes.Write(more);
        return this;
    }

    /// <summary>One PAX record with its length in front.</summary>
    public static string Record(string key, string value)
    {
        var rest = $" {key}={value}\n";
        var length = Encoding.UTF8.GetByteCount(rest);
        var digits = $"{length}".Length;
        digits = $"{length + digits}".Length;
        return $"{length + digits}{rest}";
    }

    public byte[] End() => [.. bytes.ToArray(), .. new byte[1024]];

    public byte[] Cut() => bytes.ToArray();

    /// <summary>The members of an archive, as the library reads them.</summary>
    public static List<(string Name, byte[] Content)> Members(byte[] archive)
    {
        var members = new List<(string, byte[])>();
        using var reader = new TarReader(new MemoryStream(archive));
        while (reader.GetNextEntry() is { } entry)
        {
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            members.Add((entry.Name, content.ToArray()));
        }
        return members;
    }

    public static byte[] Of(IEnumerable<(string Name, byte[] Content)> members)
    {
        var tar = new RawTar();
        foreach (var (name, content) in members)
            tar.Add(name, content, pax: name.Length > 99 ? Record("path", name) : null);
        return tar.End();
    }

    private void Put(string name, byte[] content, char type, long? size, string link, Action<byte[]>? mend)
    {
        var header = new byte[512];
        Text(0, Encoding.UTF8.GetBytes(name).Take(100).ToArray());
        Text(100, "0000644\0"u8.ToArray());
        Text(108, "0000000\0"u8.ToArray());
        Text(116, "0000000\0"u8.ToArray());
        Text(124, Encoding.ASCII.GetBytes(Convert.ToString(size ?? content.Length, 8).PadLeft(11, '0')));
        Text(136, "00000000000\0"u8.ToArray());
        header[156] = (byte)type;
        Text(157, Encoding.UTF8.GetBytes(link));
        Text(257, "ustar\000"u8.ToArray());
        mend?.Invoke(header);
        header.AsSpan(148, 8).Fill((byte)' ');
        Text(148, Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(b => (int)b), 8).PadLeft(6, '0') + "\0 "));
        bytes.Write(header);
        bytes.Write(content);
        bytes.Write(new byte[(512 - (content.Length % 512)) % 512]);

        void Text(int at, byte[] text) => text.CopyTo(header, at);
    }
}
