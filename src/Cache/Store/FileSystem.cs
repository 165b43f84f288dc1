using System.Runtime.InteropServices;
using static DatasetCache.Store.Syscalls;

namespace DatasetCache.Store;

/// <summary>
/// The only door to the disk for the store. <paramref name="fault"/> is asked before every call and may answer with the errno the call
/// shall fail with: so a test makes the nth call fail, for every n.
/// </summary>
/// <param name="fault">See above.</param>
/// <param name="useOpenAt2">False to do without openat2 although the kernel has it, as old kernels and some sandboxes make us.</param>
internal sealed unsafe class FileSystem(Func<string, int>? fault = null, bool useOpenAt2 = true)
{
    private readonly bool hasOpenAt2 = useOpenAt2 && ProbeOpenAt2();

    /// <summary>
    /// Opens a directory by a path that the user chose (symbolic links on the way are the user's own). Everything below it is then reached
    /// through this handle and never through a symbolic link.
    /// </summary>
    public DirectoryHandle OpenRoot(string absolutePath)
    {
        var fd = Retry("open", absolutePath, () => OpenAt(AtFdCwd, absolutePath, Syscalls.ReadOnly | Syscalls.Directory | CloseOnExec, 0));
        return new DirectoryHandle(this, fd, absolutePath);
    }

    /// <summary>Opens below a directory: no symbolic link anywhere on the way, no way out. Returns -errno where it fails.</summary>
    internal int OpenBelow(int directory, string path, int flags, uint mode)
    {
        flags |= CloseOnExec;
        if (Injected("open") is var injected and not 0)
            return -injected;
        while (true)
        {
            nint fd;
            if (hasOpenAt2)
            {
                var how = new OpenHow { Flags = (ulong)(uint)flags, Mode = (flags & Syscalls.Create) != 0 ? mode : 0, Resolve = ResolveBeneath | ResolveNoSymlinks };
                fd = OpenAt2(OpenAt2Number, directory, path, &how, sizeof(OpenHow));
            }
            else
            {
                fd = OpenStepByStep(directory, path, flags, mode);
            }
            if (fd >= 0)
                return (int)fd;
            var errno = Marshal.GetLastPInvokeError();
            if (errno is not (EINTR or EAGAIN))
                return -errno;
        }
    }

    // What openat2 does in one call: each directory on the way is opened from the one before, and none of them through a link.
    private static int OpenStepByStep(int directory, string path, int flags, uint mode)
    {
        var at = directory;
        var rest = path;
        while (true)
        {
            var slash = rest.IndexOf('/');
            var name = slash < 0 ? rest : rest[..slash];
            int fd, errno;
            if (name is "" or "..")
            {
                (fd, errno) = (-1, EXDEV);
            }
            else
            {
                fd = OpenAt(at, name, slash < 0 ? flags | NoFollow : Syscalls.ReadOnly | Syscalls.Directory | NoFollow | CloseOnExec, mode);
                errno = Marshal.GetLastPInvokeError();
                // A link where a directory should be is ENOTDIR here and ELOOP there.
                if (fd < 0 && errno == ENOTDIR && IsLink(at, name))
                    errno = ELOOP;
            }
            if (at != directory)
                _ = Syscalls.Close(at);
            Marshal.SetLastPInvokeError(errno);
            if (fd < 0 || slash < 0)
                return fd;
            at = fd;
            rest = rest[(slash + 1)..];
        }
    }

    private static bool IsLink(int directory, string name)
    {
        Statx status;
        return StatX(directory, name, AtSymlinkNoFollow, StatxBasicAndBirth, &status) == 0 && (status.Mode & 0xF000) == 0xA000;
    }

    internal void CloseFd(int fd) => _ = Syscalls.Close(fd);

    internal int Injected(string call) => fault?.Invoke(call) ?? 0;

    /// <summary>Runs a call that returns -1 on failure, again after EINTR; throws what its errno means.</summary>
    internal int Retry(string call, string path, Func<int> action)
    {
        var result = TryRetry(call, action);
        return result >= 0 ? result : throw Failure(call, path, -result);
    }

    /// <summary>The same, but returns -errno.</summary>
    internal int TryRetry(string call, Func<int> action)
    {
        if (Injected(call) is var injected and not 0)
            return -injected;
        while (true)
        {
            var result = action();
            if (result >= 0)
                return result;
            var errno = Marshal.GetLastPInvokeError();
            if (errno != EINTR)
                return -errno;
        }
    }

    internal static DatasetCacheException Failure(string call, string path, int errno)
    {
        var reason = Marshal.GetPInvokeErrorMessage(errno);
        return errno switch
        {
            ENOSPC or EDQUOT => new NoSpaceException($"The disk is full: {call} {path}: {reason}.", 0, 0, "Free space on this disk, or set cache.root (DSCACHE_ROOT) to another one.") { IsDiskFull = true },
            EACCES or EPERM => new StorageException($"Not permitted: {call} {path}: {reason}.", errno, "Check who owns the folder and its mode; `dscache doctor` tells."),
            EROFS => new StorageException($"The file system is read-only: {call} {path}.", errno, "A disk that failed is often remounted read-only: look at the kernel log."),
            ELOOP => new StorageException($"A symbolic link stands where the cache expects its own folder: {path}.", errno, "Somebody else writes into the cache root. Remove the link and check the folder's mode."),
            _ => new StorageException($"{call} {path} failed: {reason} (errno {errno}).", errno),
        };
    }

    // Kernels before 5.6 and some sandboxes have no openat2.
    private static bool ProbeOpenAt2()
    {
        var how = new OpenHow { Flags = (ulong)(uint)(Syscalls.ReadOnly | Syscalls.Directory | CloseOnExec), Resolve = ResolveNoSymlinks };
        var fd = (int)OpenAt2(OpenAt2Number, AtFdCwd, ".", &how, sizeof(OpenHow));
        if (fd >= 0)
            _ = Syscalls.Close(fd);
        return fd >= 0 || Marshal.GetLastPInvokeError() is not (ENOSYS or EPERM);
    }
}
