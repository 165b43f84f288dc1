using System.Globalization;
using DatasetCache.Store;

namespace DatasetCache.Cli.Diagnosis;

/// <summary>Whose the cache root is, who else may write in it, and whether that can go well (docs/decisions/0006).</summary>
internal static class OwnershipCheck
{
    private const uint OtherWrite = 0x2, Sticky = 0x200;

    public static Finding Of(string root)
    {
        FileStatus status;
        using (var directory = OpenOrNull(root, out var refusal))
        {
            if (directory is null)
                return Finding.Fail("owner", refusal!);
            status = directory.Status();
        }
        return Judge(root, status, Native.EffectiveUser(), Native.Access(root, Native.WritePermission) == 0);
    }

    internal static Finding Judge(string root, FileStatus status, uint user, bool mayWrite)
    {
        var shared = GroupModes.IsShared(status.Mode);
        var facts = string.Create(CultureInfo.InvariantCulture,
            $"the cache root belongs to uid {status.Owner} and gid {status.Group}, mode {Convert.ToString(status.Mode, 8).PadLeft(4, '0')}; this is uid {user}");
        if ((status.Mode & OtherWrite) != 0)
        {
            return Finding.Warn("owner", facts + ": everybody on this host may plant or delete what jobs read",
                $"chmod o-w{((status.Mode & Sticky) != 0 ? ",-t" : "")} {root}; a group shares a root of mode 2775.");
        }
        if ((status.Mode & GroupModes.GroupWrite) != 0 && !shared)
        {
            return Finding.Warn("owner", facts + ": its group may write, but what is made in it will not be the group's (no setgid)",
                $"To share it: chmod g+s {root}, before the first use. To keep it to one user: chmod g-w {root}");
        }
        if (!mayWrite)
        {
            return Finding.Warn("owner", facts + ": it may only be read: hits work, and nothing can be fetched or kept",
                shared ? string.Create(CultureInfo.InvariantCulture, $"Have this user added to group {status.Group}, and log in again.") : "Set DSCACHE_ROOT to a folder of this user's.");
        }
        if (shared)
            return Finding.Ok("owner", facts + "; its group shares it");
        return status.Owner == user
            ? Finding.Ok("owner", $"the cache root belongs to this user (uid {user})")
            : Finding.Warn("owner", facts + ": what this user makes in it, its owner can neither evict nor mend",
                "Run dscache as the root's owner, or give each user a DSCACHE_ROOT of their own, or share one: a root of mode 2775.");
    }

    private static DirectoryHandle? OpenOrNull(string root, out DatasetCacheException? refusal)
    {
        try
        {
            refusal = null;
            return new FileSystem().OpenRoot(root);
        }
        catch (DatasetCacheException e)
        {
            refusal = e;
            return null;
        }
    }
}
