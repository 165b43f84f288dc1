using System.Security.Cryptography;
using static DatasetCache.Store.Syscalls;

namespace DatasetCache.Store;

// How things are made in a root that a group shares. A member's umask may take the group's rights from what the kernel makes for him, and another
// member may look at it that very moment: so what others look for gets its name only once it has its mode.
internal sealed unsafe partial class DirectoryHandle
{
    /// <summary>Whether what is made here belongs to a group of users (<see cref="GroupModes"/>).</summary>
    public bool IsShared { get; private set; }

    /// <summary>From now on this directory, and what is opened from it, is a group's.</summary>
    internal void Share() => IsShared = true;

    private uint ModeOfFile(uint mode) => IsShared ? GroupModes.OfFile(mode) : mode;

    private FileHandle GiveToGroup(FileHandle file, uint mode)
    {
        if (!IsShared)
            return file;
        try
        {
            if (file.Status() is var status && status.Mode != GroupModes.OfFile(mode) && status.Owner == EffectiveUser())
                file.ChangeMode(mode);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private FileHandle OpenOrCreateForGroup(string relative, uint mode)
    {
        while (true)
        {
            if (TryOpenWritable(relative) is { } there)
                return there;
            var temporary = TemporaryBeside(relative);
            var made = Create(temporary, mode);
            var errno = -1;
            try
            {
                errno = TryLink(temporary, this, relative);
                Delete(temporary);
            }
            finally
            {
                if (errno != 0)
                    made.Dispose();
            }
            switch (errno)
            {
                case 0:
                    return made;
                case EEXIST or ENOENT:
                    // Somebody else was faster, or took ours for litter.
                    break;
                case EPERM or EOPNOTSUPP or EMLINK:
                    // A file system without hard links: whoever comes in between is refused, and has to try again.
                    return GiveToGroup(Open(relative, Syscalls.ReadWrite | Syscalls.Create, ModeOfFile(mode))!, mode);
                default:
                    throw FileSystem.Failure("link", Full(relative), errno);
            }
        }
    }

    // 0 or -errno, as mkdir.
    private int MakeDirectoryForGroup(string relative, uint mode)
    {
        while (true)
        {
            if (Status(relative) is not null)
                return -EEXIST;
            var temporary = TemporaryBeside(relative);
            if (InParent(temporary, (parent, name) => files.TryRetry("mkdir", () => MkDirAt(parent, name, mode))) is var made and < 0)
                return made;
            var renamed = -1;
            try
            {
                using (var directory = TryOpenDirectory(temporary))
                    directory?.ChangeMode(mode);
                renamed = Rename(temporary, relative);
            }
            finally
            {
                if (renamed < 0)
                    InParent(temporary, (parent, name) => UnlinkAt(parent, name, AtRemoveDir));
            }
            // A sweep may have taken it for litter.
            if (-renamed is not ENOENT)
                return renamed;
        }
    }

    private int Rename(string temporary, string relative) => InParent(temporary, (parent, name) => InParent(relative, (toParent, toName) =>
    {
        var renamed = files.TryRetry("rename", () => (int)RenameAt2(RenameAt2Number, parent, name, toParent, toName, RenameNoReplace));
        // A file system that cannot promise to replace nothing.
        return -renamed is EINVAL or ENOSYS ? files.TryRetry("rename", () => RenameAt(parent, name, toParent, toName)) : renamed;
    }));

    private void ChangeModeForGroup(uint mode)
    {
        mode = GroupModes.OfDirectory(mode);
        var result = files.TryRetry("fchmod", () => FChMod(Fd, mode));
        if (result < 0 && !(-result is EPERM && (Status().Mode & GroupModes.GroupWrite) != 0))
            throw FileSystem.Failure("fchmod", Path, -result);
    }

    // Where the sweep of staging finds it, if a kill comes in between.
    private static string TemporaryBeside(string relative)
        => relative[..(relative.LastIndexOf('/') + 1)] + $"tmp-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
}
