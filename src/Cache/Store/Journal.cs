using System.Buffers.Binary;
using DatasetCache.Integrity;

namespace DatasetCache.Store;

/// <summary>
/// Which pieces of a download are in staging: a 16-byte record each, appended when the piece's bytes are in the file. Records are hints: a
/// resumed download reads the piece again and believes its checksum alone, so nothing here needs a sync.
/// </summary>
internal static class Journal
{
    public const int RecordSize = 16;

    public readonly record struct Record(int File, int Piece, uint Checksum);

    public static void Append(FileHandle journal, Record record)
    {
        Span<byte> bytes = stackalloc byte[RecordSize];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, record.File);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], record.Piece);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], record.Checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], Crc32C.Of(bytes[..12]));
        journal.Append(bytes);
    }

    /// <summary>The records up to the first torn one.</summary>
    public static IEnumerable<Record> Read(byte[] bytes)
    {
        for (var offset = 0; offset + RecordSize <= bytes.Length; offset += RecordSize)
        {
            var record = bytes.AsSpan(offset, RecordSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(record[12..]) != Crc32C.Of(record[..12]))
                yield break;
            yield return new Record(BinaryPrimitives.ReadInt32LittleEndian(record), BinaryPrimitives.ReadInt32LittleEndian(record[4..]), BinaryPrimitives.ReadUInt32LittleEndian(record[8..]));
        }
    }
}
