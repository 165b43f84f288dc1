using System.Globalization;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary><c>entries/KEY/pin</c>: kept until somebody says otherwise. Synced, as the only protection that must outlive a power cut by itself.</summary>
internal sealed class Pins(CacheRoot root, EntryStore entries, TimeProvider time)
{
    private const string Name = "pin";

    /// <summary>False where there is no such entry. The lease keeps the entry from going while its pin is written.</summary>
    public bool Pin(string key)
    {
        using var lease = entries.TryLease(key, identity: null, evenBroken: true);
        if (lease is null)
            return false;
        using var directory = root.Entries.OpenDirectory(key);
        if (directory.Status(Name) is not null)
            return true;
        using (var file = directory.Create(Name, 0x1A4))
        {
            file.Write(Encoding.UTF8.GetBytes(time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture) + "\n"), 0);
            file.Sync();
        }
        directory.Sync();
        return true;
    }

    /// <summary>Whether there was a pin.</summary>
    public bool Unpin(string key)
    {
        using var directory = root.Entries.TryOpenDirectory(key);
        if (directory is null || !directory.Delete(Name))
            return false;
        directory.Sync();
        return true;
    }

    // Whatever stands there counts: a pin that was torn was meant.
    public bool IsPinned(string key) => root.Entries.Status(key + "/" + Name) is not null;
}
