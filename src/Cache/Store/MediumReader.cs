using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static DatasetCache.Store.Syscalls;

namespace DatasetCache.Store;

/// <summary>
/// Reads files as they are on the medium. The page cache is passed by (O_DIRECT): it may hold what the medium has lost, and it belongs to the jobs.
/// Where the file system will not have that, what a read brought into the page cache is dropped again, and what was there before stays.
/// </summary>
/// <remarks>Buffers lie in huge pages: scattered ones cost two thirds of the throughput (docs/decisions/0007).</remarks>
internal sealed unsafe class MediumReader(FileSystem files) : IDisposable
{
    private const int Alignment = 4096;
    private readonly ConcurrentBag<Buffer> idle = [];

    // Found out at the first file that is opened or read so.
    private volatile bool refusesDirect;

    /// <summary>Memory for one piece. Give it back.</summary>
    public Buffer Rent() => idle.TryTake(out var buffer) ? buffer : new Buffer();

    public void Return(Buffer buffer) => idle.Add(buffer);

    /// <summary>Null where there is no such file.</summary>
    public MediumFile? TryOpen(DirectoryHandle directory, string path)
    {
        while (true)
        {
            var direct = !refusesDirect;
            try
            {
                // Not to wait for a writer where somebody has put a pipe.
                return directory.TryOpen(path, NonBlocking | (direct ? Direct : 0)) is { } file ? new MediumFile(this, directory, path, file, direct) : null;
            }
            catch (StorageException e) when (direct && e.Errno is EINVAL or EOPNOTSUPP)
            {
                refusesDirect = true;
            }
        }
    }

    public void Dispose()
    {
        while (idle.TryTake(out var buffer))
            buffer.Dispose();
    }

    internal sealed class Buffer : IDisposable
    {
        public const int Size = Transfers.Pieces.Size;
        private const nuint HugePage = 2 << 20;
        private readonly byte* memory;

        public Buffer()
        {
            memory = (byte*)NativeMemory.AlignedAlloc(Size, HugePage);
            // Where there are none to be had, small pages do.
            _ = MAdvise(memory, Size, AdviseHugePages);
        }

        public Span<byte> Span => new(memory, Size);

        public byte* Memory => memory;

        public void Dispose() => NativeMemory.AlignedFree(memory);
    }

    internal sealed class MediumFile(MediumReader reader, DirectoryHandle directory, string path, FileHandle file, bool direct) : IDisposable
    {
        private FileHandle file = file;
        private volatile bool direct = direct;

        public FileStatus Status() => file.Status();

        /// <summary>Reads a piece; less than was asked for only where the file ends. Safe for several threads.</summary>
        public ReadOnlySpan<byte> Read(Buffer buffer, int length, long offset)
        {
            if (direct)
            {
                try
                {
                    return buffer.Span[..Math.Min(length, ReadDirect(buffer, length, offset))];
                }
                catch (StorageException e) when (e.Errno is EINVAL or EOPNOTSUPP)
                {
                    reader.refusesDirect = true;
                    Reopen();
                }
            }
            return buffer.Span[..ReadThrough(buffer, length, offset)];
        }

        // Whole blocks, also where the file ends within one: the kernel stops at the end.
        private int ReadDirect(Buffer buffer, int length, long offset)
        {
            var wanted = (length + Alignment - 1) / Alignment * Alignment;
            var done = 0;
            while (done < wanted)
            {
                var read = Once(buffer.Memory + done, wanted - done, offset + done);
                done += read;
                if (read == 0 || read % Alignment != 0)
                    break;
            }
            return done;
        }

        private int ReadThrough(Buffer buffer, int length, long offset)
        {
            // No reading ahead: what comes unasked would be taken for somebody else's.
            _ = FAdvise(file.Fd, 0, 0, AdviseRandom);
            var wasThere = IsResident(offset);
            var done = 0;
            while (done < length)
            {
                var read = Once(buffer.Memory + done, length - done, offset + done);
                if (read == 0)
                    break;
                done += read;
            }
            if (!wasThere)
                _ = FAdvise(file.Fd, offset, length, AdviseDontNeed);
            return done;
        }

        // Whether the first byte can be had without the disk; a guess for the others, which readers mostly leave behind in one piece.
        private bool IsResident(long offset)
        {
            byte first;
            var vector = new IoVector { Base = &first, Length = 1 };
            return PReadV2(file.Fd, &vector, 1, offset, ReadNoWait) >= 0;
        }

        private int Once(byte* into, int count, long offset)
        {
            while (true)
            {
                if (reader.Injected("read") is var injected and not 0)
                    throw FileSystem.Failure("read", path, injected);
                var read = PRead(file.Fd, into, count, offset);
                if (read >= 0)
                    return (int)read;
                if (Marshal.GetLastPInvokeError() is var errno and not EINTR)
                    throw FileSystem.Failure("read", System.IO.Path.Join(directory.Path, path), errno);
            }
        }

        private void Reopen()
        {
            lock (reader.idle)
            {
                if (!direct)
                    return;
                // The one that is there is left open: another thread may be reading from it.
                file = directory.TryOpen(path, NonBlocking) ?? throw FileSystem.Failure("open", path, ENOENT);
                direct = false;
            }
        }

        public void Dispose() => file.Dispose();
    }

    private int Injected(string call) => files.Injected(call);
}
