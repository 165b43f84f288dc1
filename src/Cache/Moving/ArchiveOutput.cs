using DatasetCache.Store;

namespace DatasetCache.Moving;

/// <summary>
/// A descriptor to write an archive to. .NET's console stream says nothing of a reader that has gone, and its file streams nothing of a failed fsync.
/// </summary>
internal sealed class ArchiveOutput(FileHandle file) : Stream
{
    private const int StandardOutput = 1;
    private long written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => written;

    public override long Position { get => written; set => throw new NotSupportedException(); }

    /// <summary>This process's standard output.</summary>
    public static ArchiveOutput OfProcess() => new(new FileHandle(new FileSystem(), Syscalls.Duplicate(StandardOutput), "standard output"));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        file.Append(buffer);
        written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }
}
