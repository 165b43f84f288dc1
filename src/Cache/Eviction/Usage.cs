using System.Buffers.Binary;
using DatasetCache.Integrity;

namespace DatasetCache.Eviction;

/// <summary>How an entry has been used. A lost update between two processes costs one count and harms nothing.</summary>
/// <param name="RecentUses">Uses, each counting half as much for every half-life that has passed since.</param>
internal readonly record struct Usage(DateTimeOffset LastUsed, long Uses, double RecentUses)
{
    public const int Size = 28;

    public Usage Touch(DateTimeOffset now, TimeSpan halfLife)
    {
        var age = Uses == 0 ? 0 : Math.Max(0, (now - LastUsed) / halfLife);
        return new Usage(now, Uses + 1, (RecentUses * Math.Pow(0.5, age)) + 1);
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, LastUsed.UtcTicks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Uses);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(16), RecentUses);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), Crc32C.Of(bytes.AsSpan(0, 24)));
        return bytes;
    }

    /// <summary>Null where the bytes are torn or there are none.</summary>
    public static Usage? FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size || BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]) != Crc32C.Of(bytes[..24]))
            return null;
        return new Usage(new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(bytes), TimeSpan.Zero), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadDoubleLittleEndian(bytes[16..]));
    }
}
