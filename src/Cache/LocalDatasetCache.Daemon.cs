using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache;

// What a daemon needs that keeps leases for other processes.
public sealed partial class LocalDatasetCache
{
    internal CacheRoot Room => root;

    /// <summary>A lease on an entry by its key; null where it is not here or is broken.</summary>
    internal EntryLease? TryLeaseByKey(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        return entries.TryLease(cacheKey, identity: null, evenBroken: true);
    }

    /// <summary>Protects an entry until a time in the name of <paramref name="holder"/>; never shortens. The caller holds a lease on it.</summary>
    internal void HoldFor(string cacheKey, DateTimeOffset until, string holder) => roots.Hold(cacheKey, until, holder);

    internal bool EndHold(string cacheKey, string holder) => roots.EndHold(cacheKey, holder);

    /// <summary>Registers a link that its job has made. The caller holds a lease on the entry.</summary>
    /// <returns>False where this process does not see it standing for the entry.</returns>
    internal bool RegisterLink(string link, string cacheKey, LinkMode mode, string? jobId)
    {
        root.RefuseReadOnly("Registering a job's link");
        if (!Path.IsPathRooted(link))
            throw new InvalidRequestException($"The job's link '{link}' is no absolute path.");
        if (DirectoryHandle.StatusOf(root.Files, Syscalls.AtFdCwd, link, Syscalls.AtSymlinkNoFollow, link) is not { } made || made.IsSymbolicLink != (mode == LinkMode.Symlink))
            return false;
        var record = new RootRecord { Link = link, CacheKey = cacheKey, Mode = mode, Inode = made.Inode, Device = made.Device, Born = made.Born, Since = default };
        if (mode != LinkMode.Copy && !JobLink.Stands(root, record))
            return false;
        roots.Register(link, cacheKey, mode, jobId, mode == LinkMode.Symlink ? default : made);
        return true;
    }

    /// <returns>False where it is not registered.</returns>
    internal bool ForgetLink(string link)
    {
        var known = roots.Find(link) is not null;
        roots.Forget(link);
        return known;
    }

    /// <summary>How many entries there are, and the bytes of their files.</summary>
    internal (int Entries, long Bytes) Counts()
    {
        index.Refresh();
        var (entries, bytes, _) = index.Totals;
        return (entries, bytes);
    }

    /// <summary>Bytes of a dataset that is here; 0 where it is not, or the request makes no sense here.</summary>
    internal long HeldBytes(DatasetRef dataset)
    {
        try
        {
            var (origin, prefix) = Locate(dataset);
            string? digest = null;
            if (dataset.SnapshotId is null)
            {
                digest = new KnownVersions(root, time, origin.Identity, prefix).Newest?.ContentDigest;
                if (digest is null)
                    return 0;
            }
            var identity = DatasetIdentity.Create(origin.Identity, prefix, dataset, digest);
            foreach (var key in identity.Names)
            {
                if (entries.TryRead(key) is { } record && string.Equals(record.Identity, identity.Canonical, StringComparison.Ordinal))
                    return entries.IsBroken(key) ? 0 : record.Bytes;
            }
        }
        catch (DatasetCacheException)
        {
            // A host that cannot read the origin or knows no default for it holds nothing of it.
        }
        return 0;
    }
}
