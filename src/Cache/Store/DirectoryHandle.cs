using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using static DatasetCache.Store.Syscalls;

namespace DatasetCache.Store;

/// <summary>
/// An open directory of the store. Paths are relative to it; no part of them may be a symbolic link or lead out (openat2), so neither a
/// planted link nor a directory swapped behind our back makes us write elsewhere.
/// </summary>
internal sealed unsafe partial class DirectoryHandle : IDisposable
{
    private readonly FileSystem files;
    private readonly SafeFileHandle handle;

    internal DirectoryHandle(FileSystem files, int fd, string path, bool isShared = false)
    {
        this.files = files;
        IsShared = isShared;
        handle = new SafeFileHandle(fd, ownsHandle: true);
        Path = path;
    }

    /// <summary>For messages and for handing out to jobs.</summary>
    public string Path { get; }

    internal int Fd => handle.IsClosed ? throw new ObjectDisposedException(Path) : (int)handle.DangerousGetHandle();

    private string Full(string relative) => System.IO.Path.Join(Path, relative);

    /// <summary>Creates a file that must not exist yet, open to read and write.</summary>
    public FileHandle Create(string relative, uint mode) => GiveToGroup(Open(relative, Syscalls.ReadWrite | CreateNew, ModeOfFile(mode))!, mode);

    /// <summary>Opens a file for reading; null if it does not exist.</summary>
    public FileHandle? TryOpen(string relative) => Open(relative, Syscalls.ReadOnly, 0, missingIsNull: true);

    /// <summary>Opens a file for reading, with further flags of open(2); null if it does not exist.</summary>
    internal FileHandle? TryOpen(string relative, int flags) => Open(relative, Syscalls.ReadOnly | flags, 0, missingIsNull: true);

    /// <summary>Opens a file for reading and writing; null if it does not exist.</summary>
    public FileHandle? TryOpenWritable(string relative) => Open(relative, Syscalls.ReadWrite, 0, missingIsNull: true);

    /// <summary>Opens a file, which it creates where it is missing, for reading and writing.</summary>
    public FileHandle OpenOrCreate(string relative, uint mode)
        => IsShared ? OpenOrCreateForGroup(relative, mode) : Open(relative, Syscalls.ReadWrite | Syscalls.Create, mode)!;

    public FileHandle OpenAppend(string relative, uint mode)
        => GiveToGroup(Open(relative, WriteOnly | Syscalls.Create | Syscalls.Append, ModeOfFile(mode))!, mode);

    /// <summary>The same without an exception: for what is tried at every call and may be refused at every call.</summary>
    /// <param name="errno">Why it is null.</param>
    public FileHandle? TryOpenAppend(string relative, bool create, out int errno)
    {
        var result = files.OpenBelow(Fd, relative, WriteOnly | Syscalls.Append | (create ? Syscalls.Create : 0), 0x1B6 /* 0666 less umask */);
        errno = Math.Max(0, -result);
        return result >= 0 ? GiveToGroup(new FileHandle(files, result, Full(relative), IsShared), 0x1B6) : null;
    }

    private FileHandle? Open(string relative, int flags, uint mode, bool missingIsNull = false)
    {
        var result = files.OpenBelow(Fd, relative, flags, mode);
        if (result >= 0)
            return new FileHandle(files, result, Full(relative), IsShared);
        return missingIsNull && -result is ENOENT or ENOTDIR ? null : throw FileSystem.Failure("open", Full(relative), -result);
    }

    public DirectoryHandle OpenDirectory(string relative)
        => TryOpenDirectory(relative) ?? throw FileSystem.Failure("open", Full(relative), ENOENT);

    public DirectoryHandle? TryOpenDirectory(string relative)
    {
        var result = files.OpenBelow(Fd, relative, Syscalls.ReadOnly | Syscalls.Directory, 0);
        if (result >= 0)
            return new DirectoryHandle(files, result, Full(relative), IsShared);
        return -result is ENOENT or ENOTDIR ? null : throw FileSystem.Failure("open", Full(relative), -result);
    }

    /// <summary>Makes a directory and whatever is missing above it; what exists is left as it is.</summary>
    public void MakeDirectories(string relative, uint mode = 0x1ED /* 0755 */)
    {
        var result = MakeDirectory(relative, mode);
        if (-result is ENOENT && relative.LastIndexOf('/') is > 0 and var slash)
        {
            MakeDirectories(relative[..slash], mode);
            result = MakeDirectory(relative, mode);
        }
        if (result < 0 && -result is not EEXIST)
            throw FileSystem.Failure("mkdir", Full(relative), -result);
    }

    private int MakeDirectory(string relative, uint mode) => IsShared
        ? MakeDirectoryForGroup(relative, mode)
        : InParent(relative, (parent, name) => files.TryRetry("mkdir", () => MkDirAt(parent, name, mode)));

    /// <summary>Moves a file or directory; a file that stands there is replaced in one step.</summary>
    public void Move(string relative, DirectoryHandle to, string toRelative)
        => Check("rename", relative, InParent(relative, (fromParent, fromName)
            => to.InParent(toRelative, (toParent, toName) => files.TryRetry("rename", () => RenameAt(fromParent, fromName, toParent, toName)))));

    /// <summary>Gives a file a second name. Returns 0, or the errno that says why this file cannot be shared.</summary>
    public int TryLink(string relative, DirectoryHandle to, string toRelative)
        => -InParent(relative, (fromParent, fromName)
            => to.InParent(toRelative, (toParent, toName) => files.TryRetry("link", () => LinkAt(fromParent, fromName, toParent, toName, 0))));

    /// <summary>Removes a file; false if there was none.</summary>
    public bool Delete(string relative)
    {
        var result = InParent(relative, (parent, name) => files.TryRetry("unlink", () => UnlinkAt(parent, name, 0)));
        return result >= 0 || (-result is ENOENT ? false : throw FileSystem.Failure("unlink", Full(relative), -result));
    }

    /// <summary>Removes a directory with all below it, sealed ones too; nothing where there is none. Symbolic links are removed, not followed.</summary>
    public void DeleteTree(string relative)
    {
        if (Status(relative) is { IsDirectory: false })
        {
            Delete(relative);
            return;
        }
        using (var directory = TryOpenDirectory(relative))
        {
            if (directory is null)
                return;
            directory.ChangeMode(0x1ED);
            foreach (var (name, isDirectory) in directory.List())
            {
                if (isDirectory)
                    directory.DeleteTree(name);
                else
                    directory.Delete(name);
            }
        }
        Check("rmdir", relative, InParent(relative, (parent, name) => files.TryRetry("rmdir", () => UnlinkAt(parent, name, AtRemoveDir))));
    }

    /// <summary>Removes a directory if nothing is in it; false if it stays.</summary>
    public bool TryRemoveEmpty(string relative)
    {
        var result = InParent(relative, (parent, name) => files.TryRetry("rmdir", () => UnlinkAt(parent, name, AtRemoveDir)));
        return result >= 0 || (-result is ENOTEMPTY or EEXIST ? false : throw FileSystem.Failure("rmdir", Full(relative), -result));
    }

    /// <summary>In a shared root the group may always write, and a directory of another member keeps the mode it has.</summary>
    public void ChangeMode(uint mode)
    {
        if (IsShared)
            ChangeModeForGroup(mode);
        else
            files.Retry("fchmod", Path, () => FChMod(Fd, mode));
    }

    /// <summary>Makes the names in this directory durable.</summary>
    public void Sync() => files.Retry("fsync", Path, () => FSync(Fd));

    /// <summary>
    /// Makes all of the file system durable. The kernel reports what could not be written since this handle was opened: open it before the
    /// first write.
    /// </summary>
    public void SyncFileSystem() => files.Retry("syncfs", Path, () => SyncFs(Fd));

    /// <summary>Names in this directory and whether each is a real directory, as of now.</summary>
    public IReadOnlyList<(string Name, bool IsDirectory)> List()
    {
        if (files.Injected("readdir") is var injected and not 0)
            throw FileSystem.Failure("readdir", Path, injected);
        // Through /proc, so that the listing is of the directory that is open and not of whatever has its name by now.
        return [.. new DirectoryInfo($"/proc/self/fd/{Fd}").EnumerateFileSystemInfos("*", Everything)
            .Select(info => (info.Name, info.Attributes.HasFlag(FileAttributes.Directory) && !info.Attributes.HasFlag(FileAttributes.ReparsePoint)))];
    }

    private static EnumerationOptions Everything { get; } = new() { AttributesToSkip = default, IgnoreInaccessible = false, RecurseSubdirectories = false };

    /// <summary>What stands at a path (a symbolic link itself, not its target), or null.</summary>
    public FileStatus? Status(string relative)
    {
        FileStatus? status = null;
        var result = InParent(relative, (parent, name) =>
        {
            status = StatusOf(files, parent, name, AtSymlinkNoFollow, Full(relative));
            return 0;
        });
        return result >= 0 || -result is ENOENT or ENOTDIR ? status : throw FileSystem.Failure("stat", Full(relative), -result);
    }

    public FileStatus Status() => StatusOf(files, Fd, "", AtEmptyPath, Path) ?? throw FileSystem.Failure("stat", Path, ENOENT);

    internal static FileStatus? StatusOf(FileSystem files, int directory, string name, int flags, string path)
    {
        Statx raw = default;
        var pointer = &raw;
        var result = files.TryRetry("stat", () => StatX(directory, name, flags, StatxBasicAndBirth, pointer));
        if (result < 0)
            return -result is ENOENT or ENOTDIR ? null : throw FileSystem.Failure("stat", path, -result);
        var kind = raw.Mode & 0xF000;
        return new FileStatus(kind == 0x4000, kind == 0xA000, kind == 0x8000, raw.Mode & 0xFFFu, raw.Uid, raw.Gid, raw.Links, (long)raw.Size, (long)raw.Blocks * 512, raw.Inode,
            ((ulong)raw.DeviceMajor << 32) | raw.DeviceMinor, DateTimeOffset.FromUnixTimeSeconds(raw.ModifiedSeconds).AddTicks(raw.ModifiedNanoseconds / 100),
            (raw.BornSeconds * 1_000_000_000) + raw.BornNanoseconds);
    }

    /// <summary>All bytes of a small file, or null where there is none.</summary>
    public byte[]? TryReadAll(string relative)
    {
        using var file = TryOpen(relative);
        if (file?.Status() is not { IsDirectory: false } status)
            return null;
        var bytes = new byte[status.Size];
        var read = file.Read(bytes, 0);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>
    /// Replaces a small file in one step, by way of a temporary one in <paramref name="temporary"/> (same file system), where the sweep finds what a
    /// crash leaves. Not synced, unless the caller says so: then its content is, and not its name.
    /// </summary>
    public void WriteAtomically(string relative, ReadOnlySpan<byte> bytes, DirectoryHandle temporary, uint mode = 0x1A4 /* 0644 */, bool sync = false)
    {
        while (true)
        {
            var name = $"tmp-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
            using var file = temporary.Create(name, mode);
            try
            {
                file.TryLock(exclusive: true);
                file.Write(bytes, 0);
                if (sync)
                    file.Sync();
                temporary.Move(name, this, relative);
                return;
            }
            catch (StorageException e) when (e.Errno == ENOENT && temporary.Status(name) is null)
            {
                // A sweep took it for litter before it was locked.
            }
            catch
            {
                temporary.Delete(name);
                throw;
            }
        }
    }

    private void Check(string call, string relative, int result)
    {
        if (result < 0)
            throw FileSystem.Failure(call, Full(relative), -result);
    }

    /// <summary>Calls with the directory that holds the last part of the path; with -errno for it where it cannot be opened.</summary>
    private int InParent(string relative, Func<int, string, int> action)
    {
        var slash = relative.LastIndexOf('/');
        if (slash < 0)
            return action(Fd, relative);
        var parent = files.OpenBelow(Fd, relative[..slash], Syscalls.ReadOnly | Syscalls.Directory, 0);
        if (parent < 0)
            return parent;
        try
        {
            return action(parent, relative[(slash + 1)..]);
        }
        finally
        {
            files.CloseFd(parent);
        }
    }

    public void Dispose() => handle.Dispose();
}
