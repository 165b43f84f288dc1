namespace DatasetCache.Store;

/// <summary>
/// Modes below a root that a group shares (docs/decisions/0006), whatever each member's umask is: directories pass their group on and it may write
/// in them, so that a member can go on with, evict and mend what another made; files are written by the group until they are sealed, and then by nobody.
/// </summary>
internal static class GroupModes
{
    public const uint SetGroup = 0x400, GroupWrite = 0x10;

    /// <summary>Whether a root with this mode is shared: an admin has to have said so with both bits.</summary>
    public static bool IsShared(uint rootMode) => (rootMode & (SetGroup | GroupWrite)) == (SetGroup | GroupWrite);

    /// <summary>0755 becomes 2775, and 0555 becomes 2575: a sealed directory refuses its owner, but its group can delete what is in it.</summary>
    public static uint OfDirectory(uint mode) => mode | SetGroup | 0x38 /* 0070 */;

    /// <summary>The group gets the owner's bits, others can read: 0644 and 0666 become 0664, and 0444 stays.</summary>
    public static uint OfFile(uint mode) => (mode & 0x1C0) | ((mode & 0x1C0) >> 3) | (mode & 0x4);
}
