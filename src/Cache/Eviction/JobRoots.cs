using System.Security.Cryptography;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// The registered job links, and the holds of those who use a path without a link. An entry whose link still stands is protected, whether or not
/// any process lives that asked for it.
/// </summary>
internal sealed class JobRoots(CacheRoot root, TimeProvider time) : ILinkRegister
{
    public bool LooksAtLinks => false;

    /// <inheritdoc />
    public async ValueTask<FileLock?> LockAsync(string link, CancellationToken cancellationToken)
        => root.IsReadOnly ? null : await FileLock.TakeAsync(root.Staging, LockOf(link), Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);

    /// <inheritdoc />
    public ValueTask RegisterAsync(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made, CancellationToken cancellationToken)
    {
        Register(link, cacheKey, mode, jobId, made);
        return ValueTask.CompletedTask;
    }

    /// <summary>Does nothing where this user may only read: the link then protects nothing.</summary>
    public void Register(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made)
    {
        if (root.IsReadOnly)
            return;
        var record = new RootRecord { Link = link, CacheKey = cacheKey, Mode = mode, JobId = jobId, Inode = made.Inode, Device = made.Device, Born = made.Born, Since = time.GetUtcNow() };
        // A job that asks again changes nothing. To write it anew would use up an inode each time, and ext4 passes over those deleted lately, one
        // by one, when it looks for a free one: milliseconds after a hundred calls.
        if (Find(link) is { } there && there.IsSameAs(record))
            return;
        root.Roots.WriteAtomically(NameOf(link), record.ToJson(), root.Staging);
    }

    /// <summary>Protects an entry until a time. A job that holds again prolongs its hold, and never shortens it. The caller holds a lease.</summary>
    public void Hold(string cacheKey, DateTimeOffset until, string? jobId)
    {
        root.RefuseReadOnly("Holding a dataset");
        var name = NameOf($"hold\n{cacheKey}\n{jobId}");
        if (Read(name) is { Until: { } earlier } && earlier >= until)
            return;
        root.Roots.WriteAtomically(name,
            new RootRecord { Link = "", CacheKey = cacheKey, Mode = LinkMode.Symlink, JobId = jobId, Since = time.GetUtcNow(), Until = until }.ToJson(), root.Staging);
    }

    /// <summary>Ends one holder's hold on an entry.</summary>
    public bool EndHold(string cacheKey, string? jobId) => root.Roots.Delete(NameOf($"hold\n{cacheKey}\n{jobId}"));

    /// <summary>Ends every hold on an entry.</summary>
    /// <returns>How many there were.</returns>
    public int EndHolds(string cacheKey)
    {
        var ended = 0;
        foreach (var (name, _) in root.Roots.List())
        {
            if (Read(name) is { Until: not null } record && string.Equals(record.CacheKey, cacheKey, StringComparison.Ordinal))
                ended += root.Roots.Delete(name) ? 1 : 0;
        }
        return ended;
    }

    public RootRecord? Find(string link) => Read(NameOf(link)) is { } record && string.Equals(record.Link, link, StringComparison.Ordinal) ? record : null;

    public void Forget(string link)
    {
        if (!root.IsReadOnly)
            root.Roots.Delete(NameOf(link));
    }

    /// <summary>Every record there is, of links that stand and of others.</summary>
    public IEnumerable<RootRecord> All() => root.Roots.List().Select(file => Read(file.Name)).OfType<RootRecord>();

    /// <summary>Every registered link that still stands, and every hold that has not ended.</summary>
    public IEnumerable<RootRecord> Standing() => All().Where(Stands);

    public bool Stands(RootRecord record)
    {
        if (record.Until is { } until)
            return time.GetUtcNow() < until;
        try
        {
            return JobLink.Stands(root, record);
        }
        catch (Exception e) when (e is DatasetCacheException or IOException or UnauthorizedAccessException)
        {
            // Another user's directory, or a file server that does not answer: what cannot be looked at may be in use.
            return true;
        }
    }

    /// <summary>
    /// Removes records whose link is gone or whose hold has ended. The caller holds the space lock, without which nothing is evicted: a record that was
    /// renewed at this very moment is put back before anybody misses it.
    /// </summary>
    /// <param name="youngest">Records younger than this stay: their link may come back with a file server.</param>
    public int RemoveDead(TimeSpan youngest)
    {
        var removed = 0;
        foreach (var (name, _) in root.Roots.List())
        {
            var record = Read(name);
            if (record is null ? !IsTorn(name, youngest) : Stands(record) || time.GetUtcNow() - record.Since < youngest)
                continue;
            var aside = $"tmp-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
            try
            {
                root.Roots.Move(name, root.Staging, aside);
            }
            catch (StorageException e) when (e.Errno == Syscalls.ENOENT)
            {
                continue;
            }
            // Another record by now, or the same of a link that was made again: whoever made it found the record there and wrote none.
            if (root.Staging.TryReadAll(aside) is { } json && RootRecord.FromJson(json) is { } moved && (moved != record || Stands(moved)))
                root.Staging.TryLink(aside, root.Roots, name);
            else
                removed++;
            root.Staging.Delete(aside);
        }
        return removed;
    }

    // Whose link it was nobody can tell; a job that asks again registers again.
    private bool IsTorn(string name, TimeSpan youngest) => root.Roots.Status(name) is { IsRegularFile: true } status && time.GetUtcNow() - status.Modified >= youngest;

    // Null where it is torn, or none of ours.
    private RootRecord? Read(string name)
    {
        try
        {
            return root.Roots.TryReadAll(name) is { } json ? RootRecord.FromJson(json) : null;
        }
        catch (StorageException e) when (e.Errno == Syscalls.ELOOP)
        {
            return null;
        }
    }

    // The name, in staging, of the lock for making what a link's name stands for.
    private static string LockOf(string link) => "link-" + NameOf(link)[..32] + ".lock";

    /// <summary>The record's name in <c>roots</c>.</summary>
    internal static string NameOf(string link) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(link)))[..32] + ".json";
}
