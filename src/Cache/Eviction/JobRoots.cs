using System.Security.Cryptography;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>The registered job links. An entry whose link still stands is protected, whether or not any process lives that asked for it.</summary>
internal sealed class JobRoots(CacheRoot root, TimeProvider time)
{
    public void Register(string link, string cacheKey, LinkMode mode, string? jobId, FileStatus made)
    {
        var record = new RootRecord { Link = link, CacheKey = cacheKey, Mode = mode, JobId = jobId, Inode = made.Inode, Device = made.Device, Born = made.Born, Since = time.GetUtcNow() };
        // A job that asks again changes nothing. To write it anew would use up an inode each time, and ext4 passes over those deleted lately, one
        // by one, when it looks for a free one: milliseconds after a hundred calls.
        if (Find(link) is { } there && there.IsSameAs(record))
            return;
        root.Roots.WriteAtomically(NameOf(link), record.ToJson(), root.Staging);
    }

    public RootRecord? Find(string link) => Read(NameOf(link)) is { } record && string.Equals(record.Link, link, StringComparison.Ordinal) ? record : null;

    public void Forget(string link) => root.Roots.Delete(NameOf(link));

    /// <summary>Every registered link that still stands.</summary>
    public IEnumerable<RootRecord> Standing()
        => root.Roots.List().Select(file => Read(file.Name)).OfType<RootRecord>().Where(record => JobLink.Stands(root, record));

    private RootRecord? Read(string name) => root.Roots.TryReadAll(name) is { } json ? RootRecord.FromJson(json) : null;

    /// <summary>The name, in staging, of the lock for making what a link's name stands for.</summary>
    public string LockOf(string link) => "link-" + NameOf(link)[..32] + ".lock";

    private static string NameOf(string link) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(link)))[..32] + ".json";
}
