using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using DatasetCache.Eviction;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Moving;

/// <summary>Writes entries into a tar (<see cref="ArchiveLayout"/>). Each piece is checked while it is read; what is broken ends the export without the tar's end.</summary>
internal sealed class EntryExport(CacheRoot root, EntryStore entries, TransferMeter meter, IProgress<AcquireProgress>? progress)
{
    private readonly byte[] buffer = new byte[Pieces.Size];
    // Files with more names than one, and the last entry of the archive that had them. A digest each, so that a million of them is no load.
    private readonly Dictionary<UInt128, int> written = [];
    private int current;

    /// <param name="leases">Keep the entries while they are read.</param>
    public ExportReport Write(IReadOnlyList<EntryLease> leases, Stream output, CancellationToken cancellationToken)
    {
        meter.Phase = AcquirePhase.Exporting;
        meter.Expect(leases.Sum(lease => lease.Record.Files), leases.Sum(lease => lease.Record.Bytes));
        var exported = new List<ExportedEntry>();
        using var buffered = new CountedOutput(output);
        // Disposed only when all is well: disposing writes the end of the tar.
        var tar = new TarWriter(buffered, TarEntryFormat.Pax, leaveOpen: true);
        Put(tar, ArchiveLayout.Header, ArchiveLayout.Format.ToArray(), DateTimeOffset.UnixEpoch);
        foreach (var lease in leases)
        {
            exported.Add(Write(tar, lease.Record, cancellationToken));
            current++;
        }
        Put(tar, ArchiveLayout.End, Encoding.ASCII.GetBytes($"entries {exported.Count}\n"), DateTimeOffset.UnixEpoch);
        tar.Dispose();
        buffered.Flush();
        return new ExportReport(exported, buffered.Written);
    }

    private ExportedEntry Write(TarWriter tar, EntryRecord record, CancellationToken cancellationToken)
    {
        var key = record.CacheKey;
        using var entry = root.Entries.OpenDirectory(key);
        if (entry.TryReadAll("manifest") is not { } manifest || entries.ReadManifest(key) is not { } lines || lines.Any(line => line.Checksums.Length == 0))
            throw CheckedContent.Broken(key, "its manifest is torn or missing");
        Put(tar, key + ArchiveLayout.Facts, record.ToJson(), record.PublishedAt);
        Put(tar, key + ArchiveLayout.Manifest, ManifestText.WithoutRecord(manifest), record.PublishedAt);
        using var tree = root.Snapshots.OpenDirectory(key);
        var shared = 0L;
        foreach (var line in lines)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var file = tree.TryOpen(line.File.Path) ?? throw CheckedContent.Broken($"{key}/{line.File.Path}", "missing");
            if (file.Status() is not { IsRegularFile: true } status || status.Size != line.File.Size)
                throw CheckedContent.Broken($"{key}/{line.File.Path}", "not a file of its size");
            if (status.Links > 1 && line.File.Size > 0 && WasWritten(ObjectOf(record, line)))
            {
                shared += line.File.Size;
                meter.BytesDone(line.File.Size);
            }
            else
            {
                var content = new CheckedContent(file, line, buffer, count => Count(key, count), cancellationToken);
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"{key}{ArchiveLayout.Files}{line.File.Path}")
                {
                    Mode = (UnixFileMode)0x124,
                    ModificationTime = record.PublishedAt,
                    DataStream = line.File.Size == 0 ? null : content,
                });
            }
            meter.FileDone();
        }
        progress?.Report(meter.Snapshot(key));
        return new ExportedEntry(key, record.Files, record.Bytes, shared);
    }

    private bool WasWritten(UInt128 file)
    {
        var before = written.TryGetValue(file, out var last) && last >= current - ArchiveLayout.ShareWindow;
        written[file] = current;
        return before;
    }

    private void Count(string key, int bytes)
    {
        meter.BytesDone(bytes);
        progress?.Report(meter.Snapshot(key));
    }

    // Whoever imports finds it again by these, in the manifests.
    private static UInt128 ObjectOf(EntryRecord record, ManifestText.Line line)
    {
        var text = $"{record.Origin}\n{record.Prefix}{line.File.Path}\n{line.File.Size}\n{line.File.ETag}\n{string.Join(',', line.Checksums)}";
        return BitConverter.ToUInt128(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static void Put(TarWriter tar, string name, byte[] content, DateTimeOffset time)
        => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = (UnixFileMode)0x124, ModificationTime = time, DataStream = new MemoryStream(content) });

    /// <summary>Gathers small writes, and counts.</summary>
    private sealed class CountedOutput(Stream output) : Stream
    {
        private readonly BufferedStream inner = new(output, 1 << 20);

        public long Written { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => Written;

        public override long Position { get => Written; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> bytes)
        {
            inner.Write(bytes);
            Written += bytes.Length;
        }

        public override void Write(byte[] bytes, int offset, int count) => Write(bytes.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] bytes, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
