using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>Finds in which other entries a file of an entry has further names: the entries of its origin whose prefix leads to the same object.</summary>
internal sealed class Sharers(CacheRoot root, EntryIndex index)
{
    /// <summary>The entries that may hold files of this one, and how a path of this one is called in them.</summary>
    public IEnumerable<(EntryRecord Record, Func<string, string?> PathIn)> Kin(EntryRecord record) => index.Related(record.Origin, record.Prefix)
        .Where(other => !string.Equals(other.CacheKey, record.CacheKey, StringComparison.Ordinal))
        .Select(other => (other, (Func<string, string?>)(path => Heirs.PathIn(other, record, path))));

    /// <summary>Every other name, within entries, of files of this one.</summary>
    /// <param name="files">Paths with what stands there; those with one name only are passed over.</param>
    public IReadOnlyList<(string CacheKey, string Path, string SharedPath)> Of(EntryRecord record, IEnumerable<(string Path, FileStatus Status)> files)
    {
        var shared = files.Where(file => file.Status is { IsRegularFile: true, Links: > 1 }).ToArray();
        var found = new List<(string, string, string)>();
        if (shared.Length == 0)
            return found;
        foreach (var (other, pathIn) in Kin(record))
        {
            using var tree = root.Snapshots.TryOpenDirectory(other.CacheKey);
            if (tree is null)
                continue;
            foreach (var (path, status) in shared)
            {
                if (pathIn(path) is { } there && SafeTree.StatusOf(tree, there) is { } known && known.IsSameFile(status))
                    found.Add((other.CacheKey, path, there));
            }
        }
        return found;
    }
}
