using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static DatasetCache.Store.Syscalls;

namespace DatasetCache.Store;

/// <summary>An open file of the store.</summary>
internal sealed unsafe class FileHandle : IDisposable
{
    private readonly FileSystem files;
    private readonly string path;
    private readonly SafeFileHandle handle;
    private volatile bool isLocked;

    private readonly bool isShared;

    internal FileHandle(FileSystem files, int fd, string path, bool isShared = false)
    {
        this.files = files;
        this.isShared = isShared;
        handle = new SafeFileHandle(fd, ownsHandle: true);
        this.path = path;
    }

    internal int Fd => handle.IsClosed ? throw new ObjectDisposedException(path) : (int)handle.DangerousGetHandle();

    /// <summary>Writes all of it at an offset.</summary>
    /// <exception cref="NoSpaceException">The disk is full.</exception>
    public void Write(ReadOnlySpan<byte> bytes, long offset) => WriteAll(bytes, offset);

    /// <summary>Writes all of it at the file's end (for files opened to append): one call, so that records of several writers do not mix.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => WriteAll(bytes, -1);

    private void WriteAll(ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* pointer = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                if (files.Injected("write") is var injected and not 0)
                    throw FileSystem.Failure("write", path, injected);
                var written = offset < 0 ? Syscalls.Write(Fd, pointer + done, bytes.Length - done) : PWrite(Fd, pointer + done, bytes.Length - done, offset + done);
                if (written >= 0)
                    done += (int)written;
                else if (Marshal.GetLastPInvokeError() is var errno and not EINTR)
                    throw FileSystem.Failure("write", path, errno);
            }
        }
    }

    /// <summary>Fills the buffer from an offset; less only where the file ends.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        var done = 0;
        fixed (byte* pointer = buffer)
        {
            while (done < buffer.Length)
            {
                if (files.Injected("read") is var injected and not 0)
                    throw FileSystem.Failure("read", path, injected);
                var read = PRead(Fd, pointer + done, buffer.Length - done, offset + done);
                if (read == 0)
                    break;
                if (read > 0)
                    done += (int)read;
                else if (Marshal.GetLastPInvokeError() is var errno and not EINTR)
                    throw FileSystem.Failure("read", path, errno);
            }
        }
        return done;
    }

    public void SetLength(long length) => files.Retry("ftruncate", path, () => FTruncate(Fd, length));

    public void ChangeMode(uint mode)
    {
        mode = isShared ? GroupModes.OfFile(mode) : mode;
        files.Retry("fchmod", path, () => FChMod(Fd, mode));
    }

    /// <summary>Gives the blocks of a range back to the disk; where the file system cannot, nothing happens.</summary>
    public void PunchHole(long offset, long length) => _ = FAllocate(Fd, PunchHoleKeepSize, offset, length);

    /// <summary>Gives the file to another user; its group stays.</summary>
    public void ChangeOwner(uint owner) => files.Retry("fchown", path, () => FChOwn(Fd, owner, uint.MaxValue));

    /// <summary>Asks the kernel to begin writing a range back now, so that the final sync finds little left to do. No promise at all.</summary>
    public void StartWriteback(long offset, long count) => _ = SyncFileRange(Fd, offset, count, 2);

    /// <summary>Forces the file to the disk. After a failure the file must be written anew: the kernel has dropped what it could not write.</summary>
    public void Sync() => files.Retry("fsync", path, () => FSync(Fd));

    /// <summary>Takes or changes a lock on the open file without waiting; false if somebody else's stands against it.</summary>
    public bool TryLock(bool exclusive)
    {
        var result = files.TryRetry("flock", () => Flock(Fd, (exclusive ? LockExclusive : LockShared) | LockNonBlocking));
        isLocked |= result >= 0;
        return result switch
        {
            >= 0 => true,
            -EAGAIN => false,
            _ => throw FileSystem.Failure("flock", path, -result),
        };
    }

    /// <summary>The same, waiting for as long as it takes: for a thread of its own.</summary>
    public void Lock(bool exclusive)
    {
        files.Retry("flock", path, () => Flock(Fd, exclusive ? LockExclusive : LockShared));
        isLocked = true;
    }

    /// <summary>Lets go of a lock and keeps the file open.</summary>
    public void Unlock()
    {
        files.Retry("flock", path, () => Flock(Fd, LockUnlock));
        isLocked = false;
    }

    public FileStatus Status() => DirectoryHandle.StatusOf(files, Fd, "", AtEmptyPath, path) ?? throw FileSystem.Failure("stat", path, ENOENT);

    /// <summary>Copies all of another file into this one: shared blocks where the file system can, inside the kernel elsewhere.</summary>
    public void CopyFrom(FileHandle source, long length)
    {
        long from = 0, to = 0;
        while (from < length)
        {
            if (files.Injected("copy") is var injected and not 0)
                throw FileSystem.Failure("copy", path, injected);
            var copied = CopyFileRange(source.Fd, &from, Fd, &to, (nint)(length - from), 0);
            if (copied > 0)
                continue;
            var errno = copied == 0 ? EIO : Marshal.GetLastPInvokeError();
            if (copied < 0 && errno is EXDEV or EINVAL or ENOSYS or EOPNOTSUPP)
            {
                CopyThroughMemory(source, from, length);
                return;
            }
            if (copied == 0 || errno != EINTR)
                throw FileSystem.Failure("copy", path, errno);
        }
    }

    /// <summary>
    /// Copies a range to the same place here: shared blocks where the file system can. False where it cannot, or where the source is shorter or cannot be
    /// read: what stands in the range then is nothing in particular.
    /// </summary>
    /// <exception cref="NoSpaceException">Our disk is full.</exception>
    public bool TryCopyRange(FileHandle source, long offset, long length)
    {
        long from = offset, to = offset;
        while (from < offset + length)
        {
            var errno = files.Injected("copy");
            if (errno == 0)
            {
                var copied = CopyFileRange(source.Fd, &from, Fd, &to, (nint)(offset + length - from), 0);
                if (copied > 0)
                    continue;
                errno = copied == 0 ? EIO : Marshal.GetLastPInvokeError();
            }
            if (errno is ENOSPC or EDQUOT)
                throw FileSystem.Failure("copy", path, errno);
            if (errno != EINTR)
                return false;
        }
        return true;
    }

    private void CopyThroughMemory(FileHandle source, long from, long length)
    {
        var buffer = new byte[256 * 1024];
        for (var offset = from; offset < length;)
        {
            var read = source.Read(buffer, offset);
            if (read == 0)
                throw FileSystem.Failure("copy", path, EIO);
            Write(buffer.AsSpan(0, read), offset);
            offset += read;
        }
    }

    public void Dispose()
    {
        // A process that is being started has a copy of every open file until it becomes its own program, and closing ours would leave it the lock.
        if (isLocked && !handle.IsClosed)
            _ = Flock(Fd, LockUnlock);
        isLocked = false;
        handle.Dispose();
    }
}
