using System.Globalization;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>Says why an entry must stay, as of now. Empty means that it may go.</summary>
internal sealed class Protections(EntryStore entries, Pins pins, RootIndex roots)
{
    /// <summary>All of them, a live process's lease included.</summary>
    public IReadOnlyList<Protection> Of(string key) => entries.IsLeased(key) ? [Leased, .. Standing(key)] : Standing(key);

    /// <summary>What protects besides leases: for who holds the entry's lease exclusively, so that nothing can be added behind the answer.</summary>
    public IReadOnlyList<Protection> Standing(string key)
    {
        List<Protection> found = [];
        if (pins.IsPinned(key))
            found.Add(new Protection(ProtectionKind.Pin, "it is pinned, until `dscache unpin`"));
        foreach (var record in roots.Standing(key))
        {
            var job = record.JobId is null ? "" : $" (job {record.JobId})";
            found.Add(record.Until is { } until
                ? new Protection(ProtectionKind.Hold, string.Create(CultureInfo.InvariantCulture, $"it is held until {until.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z{job}"), until)
                : new Protection(ProtectionKind.JobLink, $"{record.Link}{job} points at it, until that is deleted or released"));
        }
        return found;
    }

    public static Protection Leased { get; } = new(ProtectionKind.Lease, "a running process has a lease, until it ends");
}
