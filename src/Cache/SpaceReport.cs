namespace DatasetCache;

/// <summary>What the cache takes of its quota and of its disk, in bytes as allocated.</summary>
/// <param name="Quota">The most it may take.</param>
/// <param name="LowMark">Where evicting stops.</param>
/// <param name="Entries">What published entries take; a file that several share counts once.</param>
/// <param name="Reserved">Set aside for downloads under way.</param>
/// <param name="Quarantined">What failed a check and waits for somebody to look at it.</param>
/// <param name="DiskFree">Free on the disk for this user.</param>
/// <param name="MinFree">What must stay free there.</param>
public sealed record SpaceReport(long Quota, long LowMark, long Entries, long Reserved, long Quarantined, long DiskFree, long MinFree)
{
    public long Used => Entries + Reserved + Quarantined;
}
