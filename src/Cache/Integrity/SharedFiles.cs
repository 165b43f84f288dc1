using System.Collections.Concurrent;

namespace DatasetCache.Integrity;

/// <summary>
/// Files with several names that were read and found sound: another entry that has the very same file need not read it again. Known for as long as
/// this process goes through one cycle.
/// </summary>
internal sealed class SharedFiles
{
    // Some 100 bytes each.
    private const int Most = 1_000_000;
    private long current;
    private readonly ConcurrentDictionary<(ulong Device, ulong Inode, long Born), (uint Sum, byte[]? Digest)> sound = new();

    public bool TryFind(ContentCheck.OpenFile file, out byte[]? digest)
    {
        digest = null;
        if (file.Status.Links < 2 || !sound.TryGetValue(Key(file), out var known) || known.Sum != KnownDigests.SumOf(file.Line) || (file.WantsDigest && known.Digest is null))
            return false;
        digest = known.Digest;
        return true;
    }

    public void Note(ContentCheck.OpenFile file, byte[]? digest)
    {
        if (file.Status.Links > 1 && sound.Count < Most)
            sound[Key(file)] = (KnownDigests.SumOf(file.Line), digest);
    }

    /// <summary>Forgets what an earlier cycle has found.</summary>
    public void KeepFor(long cycle)
    {
        if (current != cycle)
            sound.Clear();
        current = cycle;
    }

    private static (ulong, ulong, long) Key(ContentCheck.OpenFile file) => (file.Status.Device, file.Status.Inode, file.Status.Born);
}
