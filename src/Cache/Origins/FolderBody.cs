using Microsoft.Win32.SafeHandles;

namespace DatasetCache.Origins;

/// <summary>
/// Part of a file. Reads are plain system calls on the caller's thread: asynchronous ones would go through the thread pool for nothing.
/// </summary>
internal sealed class FolderBody : OriginBody
{
    private readonly SafeFileHandle handle;
    private readonly string path;
    private readonly OriginObject target;
    private long position;
    private long remaining;

    private FolderBody(SafeFileHandle handle, string path, OriginObject target, long offset, long length) =>
        (this.handle, this.path, this.target, position, remaining) = (handle, path, target, offset, length);

    public static FolderBody Open(string path, OriginObject target, long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, target.Size - length);
        // A FIFO in a file's place would hang in open.
        var errno = FileStatus.Of(path, followLinks: true, out var status);
        if (errno != 0)
            throw FolderOrigin.Failed(path, target.Key, errno);
        if (!status.IsFile)
            throw Changed(path, target, "is no file any more");
        try
        {
            // Any other FileShare takes a flock on somebody else's file.
            var opened = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var body = new FolderBody(opened, path, target, offset, length);
            try
            {
                body.CheckUnchanged();
                return body;
            }
            catch
            {
                opened.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new OriginException(OriginFailure.NotFound, $"'{path}' is not there any more.", target.Key, inner: e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new OriginException(OriginFailure.AccessDenied, $"'{path}' may not be read.", target.Key,
                advice: "Give this user the right to read it.", inner: e);
        }
        catch (IOException e)
        {
            throw new OriginException(OriginFailure.ServerError, $"'{path}' cannot be opened: {e.Message}", target.Key, inner: e);
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (buffer.Length > remaining)
            buffer = buffer[..(int)remaining];
        if (buffer.IsEmpty)
            return ValueTask.FromResult(0);
        int read;
        try
        {
            read = RandomAccess.Read(handle, buffer.Span, position);
        }
        catch (IOException e)
        {
            throw new OriginException(OriginFailure.ServerError, $"'{path}' cannot be read at byte {position}: {e.Message}", target.Key, inner: e);
        }
        position += read;
        remaining -= read;
        // Written to in place while it was read: what was read may be a mixture.
        if (read == 0 || remaining == 0)
            CheckUnchanged();
        return ValueTask.FromResult(read);
    }

    public override ValueTask DisposeAsync()
    {
        handle.Dispose();
        return ValueTask.CompletedTask;
    }

    private void CheckUnchanged()
    {
        var errno = FileStatus.Of(handle, out var status);
        if (errno != 0)
            throw FolderOrigin.Failed(path, target.Key, errno);
        if (!string.Equals(status.ETag, target.ETag, StringComparison.Ordinal))
            throw Changed(path, target, $"is another version ({status.ETag}) than the listed one ({target.ETag})");
    }

    private static OriginException Changed(string path, OriginObject target, string how) =>
        new(OriginFailure.Changed, $"'{path}' changed at the origin: it {how}.", target.Key);
}
