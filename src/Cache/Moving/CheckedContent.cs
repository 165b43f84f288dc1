using System.Globalization;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Moving;

/// <summary>A file of an entry as a stream that gives no byte whose piece does not have its checksum.</summary>
/// <param name="buffer">For one piece; many streams may use it one after the other.</param>
internal sealed class CheckedContent(FileHandle file, ManifestText.Line line, byte[] buffer, Action<int> pieceRead, CancellationToken cancellationToken) : Stream
{
    private long position;
    private int held = -1;

    public override bool CanRead => true;

    // TarWriter asks for the length, and seeks nowhere.
    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => line.File.Size;

    public override long Position { get => position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> destination)
    {
        if (position == Length || destination.Length == 0)
            return 0;
        var piece = (int)(position / Pieces.Size);
        if (piece != held)
            Hold(piece);
        var offset = (int)(position - ((long)piece * Pieces.Size));
        var count = Math.Min(destination.Length, Pieces.LengthOf(Length, piece) - offset);
        buffer.AsSpan(offset, count).CopyTo(destination);
        position += count;
        return count;
    }

    private void Hold(int piece)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = buffer.AsSpan(0, Pieces.LengthOf(Length, piece));
        if (file.Read(bytes, (long)piece * Pieces.Size) != bytes.Length || Crc32C.Of(bytes) != line.Checksums[piece])
            throw Broken(line.File.Path, string.Create(CultureInfo.InvariantCulture, $"piece {piece} of {line.Checksums.Length} does not have its checksum"));
        held = piece;
        pieceRead(bytes.Length);
    }

    public static IntegrityException Broken(string path, string why) => new(
        $"{path}: {why}. The archive was not finished.", "`dscache verify KEY` puts a broken entry aside; get it again, then export it.");

    public override int Read(byte[] destination, int offset, int count) => Read(destination.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] source, int offset, int count) => throw new NotSupportedException();
}
