using System.Buffers.Binary;
using System.Text;
using DatasetCache.Integrity;

namespace DatasetCache.Statistics;

/// <summary>
/// A tally and the cache key that it belongs to (empty for none), in 160 bytes: one event, or a whole day of one key after compaction. The mark at its
/// head lets a reader find the next record behind one that was torn.
/// </summary>
internal static class TallyRecord
{
    public const int Size = 160;

    private const uint Mark = 0x01D3_CAD5;
    private const int Counts = 4, Bytes = 20, KeyLength = 52, Key = 56, LongestKey = 100, Checksum = 156;

    public static void Write(Span<byte> record, string key, in UsageTally tally)
    {
        record[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record, Mark);
        WriteCount(record, 0, tally.Hits);
        WriteCount(record, 1, tally.Misses);
        WriteCount(record, 2, tally.Failures);
        WriteCount(record, 3, tally.Evictions);
        WriteBytes(record, 0, tally.BytesServed);
        WriteBytes(record, 1, tally.BytesFromOrigin);
        WriteBytes(record, 2, tally.BytesSaved);
        WriteBytes(record, 3, tally.BytesEvicted);
        // Keys are ASCII and at most so long: see DatasetIdentity.ShortName.
        record[KeyLength] = (byte)Encoding.ASCII.GetBytes(key.AsSpan(0, Math.Min(key.Length, LongestKey)), record.Slice(Key, LongestKey));
        BinaryPrimitives.WriteUInt32LittleEndian(record[Checksum..], Crc32C.Of(record[..Checksum]));
    }

    /// <summary>False where these bytes are no record, or a torn one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> record, out string key, out UsageTally tally)
    {
        (key, tally) = ("", default);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Mark || record[KeyLength] > LongestKey
            || BinaryPrimitives.ReadUInt32LittleEndian(record[Checksum..]) != Crc32C.Of(record[..Checksum]))
        {
            return false;
        }
        key = Encoding.ASCII.GetString(record.Slice(Key, record[KeyLength]));
        tally = new UsageTally
        {
            Hits = ReadCount(record, 0),
            Misses = ReadCount(record, 1),
            Failures = ReadCount(record, 2),
            Evictions = ReadCount(record, 3),
            BytesServed = ReadBytes(record, 0),
            BytesFromOrigin = ReadBytes(record, 1),
            BytesSaved = ReadBytes(record, 2),
            BytesEvicted = ReadBytes(record, 3),
        };
        return true;
    }

    private static void WriteCount(Span<byte> record, int index, long value)
        => BinaryPrimitives.WriteUInt32LittleEndian(record[(Counts + (index * sizeof(uint)))..], (uint)Math.Min(value, uint.MaxValue));

    private static void WriteBytes(Span<byte> record, int index, long value) => BinaryPrimitives.WriteInt64LittleEndian(record[(Bytes + (index * sizeof(long)))..], value);

    private static long ReadCount(ReadOnlySpan<byte> record, int index) => BinaryPrimitives.ReadUInt32LittleEndian(record[(Counts + (index * sizeof(uint)))..]);

    private static long ReadBytes(ReadOnlySpan<byte> record, int index) => BinaryPrimitives.ReadInt64LittleEndian(record[(Bytes + (index * sizeof(long)))..]);
}
