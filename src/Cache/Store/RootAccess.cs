using System.Globalization;

namespace DatasetCache.Store;

/// <summary>Says in words whose a cache root is, and what another user can do about it.</summary>
internal static class RootAccess
{
    /// <summary>Null where not even that can be seen.</summary>
    public static (string Facts, string Advice)? Describe(string path)
    {
        FileStatus status;
        try
        {
            if (DirectoryHandle.StatusOf(new FileSystem(), Syscalls.AtFdCwd, path, 0, path) is not { } there)
                return null;
            status = there;
        }
        catch (StorageException)
        {
            return null;
        }
        var mode = Convert.ToString(status.Mode, 8).PadLeft(4, '0');
        var facts = string.Create(CultureInfo.InvariantCulture, $"It belongs to uid {status.Owner} and gid {status.Group} and has mode {mode}; this is uid {Syscalls.EffectiveUser()}.");
        return (facts, GroupModes.IsShared(status.Mode)
            ? string.Create(CultureInfo.InvariantCulture, $"Its group shares it: have this user added to group {status.Group} (usermod -aG) and log in again.")
            : $"It is one user's own. Set DSCACHE_ROOT to a folder of this user's, or to one that a group shares: `install -d -m 2775 -g GROUP {PathForShare(path)}` makes it.");
    }

    private static string PathForShare(string path) => Path.Join(Path.GetDirectoryName(path), Path.GetFileName(path) + "-shared");
}
