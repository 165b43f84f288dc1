using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// <c>entries/KEY/digests</c>: the MD5 of files whose bytes had all their checksums when it was made. As long as they still have them the digest is theirs, so
/// that no file is digested twice. Records of 28 bytes: the file's number in the manifest, a checksum of its checksums, MD5, CRC-32C of these. A torn
/// one is no record, and its file is digested again.
/// </summary>
internal sealed class KnownDigests
{
    private const string Name = "digests";
    private const int RecordBytes = 28;
    private readonly Dictionary<int, (uint Sum, byte[] Md5)> known = [];
    private readonly List<int> unwritten = [];
    private readonly Lock gate = new();

    public static KnownDigests Read(DirectoryHandle entry)
    {
        var digests = new KnownDigests();
        Span<byte> bytes;
        try
        {
            bytes = entry.TryReadAll(Name);
        }
        catch (StorageException)
        {
            return digests;
        }
        for (; bytes.Length >= RecordBytes; bytes = bytes[RecordBytes..])
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]) == Crc32C.Of(bytes[..24]))
                digests.known[BinaryPrimitives.ReadInt32LittleEndian(bytes)] = (BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]), bytes[8..24].ToArray());
        }
        return digests;
    }

    /// <summary>What a file's checksums come to: another content, another sum.</summary>
    public static uint SumOf(ManifestText.Line line) => Crc32C.Of(MemoryMarshal.AsBytes(line.Checksums.AsSpan()));

    public byte[]? Of(int file, ManifestText.Line line)
    {
        lock (gate)
            return known.TryGetValue(file, out var record) && record.Sum == SumOf(line) ? record.Md5 : null;
    }

    public void Note(int file, ManifestText.Line line, byte[] md5)
    {
        lock (gate)
        {
            known[file] = (SumOf(line), md5);
            unwritten.Add(file);
        }
    }

    /// <summary>Appends what is new. Never fails: what cannot be noted is made again.</summary>
    public void Write(DirectoryHandle entry)
    {
        lock (gate)
        {
            if (unwritten.Count == 0)
                return;
            var bytes = new byte[unwritten.Count * RecordBytes];
            for (var i = 0; i < unwritten.Count; i++)
            {
                var record = bytes.AsSpan(i * RecordBytes, RecordBytes);
                var (sum, md5) = known[unwritten[i]];
                BinaryPrimitives.WriteInt32LittleEndian(record, unwritten[i]);
                BinaryPrimitives.WriteUInt32LittleEndian(record[4..], sum);
                md5.CopyTo(record[8..]);
                BinaryPrimitives.WriteUInt32LittleEndian(record[24..], Crc32C.Of(record[..24]));
            }
            unwritten.Clear();
            try
            {
                using var file = entry.OpenOrCreate(Name, 0x1A4);
                // Over a torn end.
                file.Write(bytes, file.Status().Size / RecordBytes * RecordBytes);
            }
            catch (DatasetCacheException)
            {
                // Another user's, or a full disk.
            }
        }
    }
}
