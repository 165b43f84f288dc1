using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// Finds who is charged for the files of an entry that goes and that others share. The rule needs no book: a shared file is charged to the oldest
/// entry that has it (an entry is always younger than those whose files it links).
/// </summary>
internal sealed class Heirs(CacheRoot root, EntryIndex index)
{
    /// <summary>Looks each file up where a sibling has it, oldest first.</summary>
    /// <param name="record">Null where it is torn: then its files are looked for under their own paths, and it counts as the oldest.</param>
    /// <returns>What each heir is to be charged, and the files that no other entry has.</returns>
    public (IReadOnlyDictionary<string, long> Charges, IReadOnlyList<SharedFile> Elsewhere) Find(string key, EntryRecord? record, IReadOnlyList<SharedFile> shared)
    {
        var charges = new Dictionary<string, long>(StringComparer.Ordinal);
        var remaining = shared;
        if (shared.Count == 0)
            return (charges, remaining);
        foreach (var sibling in (record is null ? index.Records() : index.Related(record.Origin, record.Prefix)).Where(other => !string.Equals(other.CacheKey, key, StringComparison.Ordinal)).Order(ByAge))
        {
            if (remaining.Count == 0)
                break;
            using var tree = root.Snapshots.TryOpenDirectory(sibling.CacheKey);
            if (tree is null)
                continue;
            var isOlder = record is not null && ByAge.Compare(sibling, record) < 0;
            var left = new List<SharedFile>();
            foreach (var file in remaining)
            {
                if (PathIn(sibling, record, file.Path) is not { } path || tree.Status(path) is not { } status || !file.IsSameFile(status))
                    left.Add(file);
                else if (!isOlder)
                    charges[sibling.CacheKey] = charges.GetValueOrDefault(sibling.CacheKey) + file.Bytes;
            }
            remaining = left;
        }
        return (charges, remaining);
    }

    /// <summary>Writes the charges down. The caller holds the naming lock, so that no heir goes meanwhile.</summary>
    public void Charge(string donor, EntryRecord? record, IReadOnlyDictionary<string, long> charges)
    {
        foreach (var (heir, bytes) in charges)
        {
            using var entry = root.Entries.OpenDirectory(heir);
            InheritedBytes.Add(entry, $"{donor}@{record?.PublishedAt.UtcTicks:x}", bytes, root.Staging);
            index.Reread(heir);
        }
    }

    internal static string? PathIn(EntryRecord sibling, EntryRecord? record, string path)
    {
        if (record is null)
            return path;
        var key = record.Prefix + path;
        return key.StartsWith(sibling.Prefix, StringComparison.Ordinal) && key.Length > sibling.Prefix.Length ? key[sibling.Prefix.Length..] : null;
    }

    internal static Comparer<EntryRecord> ByAge { get; } = Comparer<EntryRecord>.Create((a, b)
        => a.PublishedAt.CompareTo(b.PublishedAt) is var order and not 0 ? order : string.CompareOrdinal(a.CacheKey, b.CacheKey));
}
