using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// Charges an entry anew for what it has, by the rule alone (a shared file is charged to the oldest entry that has it), where healing has changed who
/// shares what.
/// </summary>
internal sealed class Recount(CacheRoot root, EntryIndex index)
{
    /// <summary>The caller holds the naming lock, and has the index refreshed.</summary>
    public void Book(string key)
    {
        if (index.Records().FirstOrDefault(known => string.Equals(known.CacheKey, key, StringComparison.Ordinal)) is not { } record)
            return;
        using var tree = root.Snapshots.TryOpenDirectory(key);
        using var entry = root.Entries.TryOpenDirectory(key);
        if (tree is null || entry is null)
            return;
        var survey = TreeSurvey.Of(tree);
        var charged = survey.Freed;
        IReadOnlyList<SharedFile> left = survey.Shared;
        foreach (var older in index.Related(record.Origin, record.Prefix).Where(other => Heirs.ByAge.Compare(other, record) < 0))
        {
            if (left.Count == 0)
                break;
            using var there = root.Snapshots.TryOpenDirectory(older.CacheKey);
            if (there is not null)
                left = [.. left.Where(file => Heirs.PathIn(older, record, file.Path) is not { } path || there.Status(path) is not { } status || !file.IsSameFile(status))];
        }
        InheritedBytes.Set(entry, record, charged + left.Sum(file => file.Bytes), root.Staging);
        index.Reread(key);
    }
}
