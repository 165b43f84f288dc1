using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache;

/// <summary>How a mutable dataset differs from the version that was known before, in files.</summary>
public sealed record VersionChanges(int Added, int Changed, int Removed)
{
    internal static VersionChanges Between(IEnumerable<ManifestText.Line> before, Manifest after)
    {
        var old = before.ToDictionary(line => line.File.Path, line => line.File, StringComparer.Ordinal);
        var added = 0;
        var changed = 0;
        foreach (var file in after.Files)
        {
            if (!old.Remove(file.Path, out var was))
                added++;
            else if (was != file)
                changed++;
        }
        return new VersionChanges(added, changed, old.Count);
    }
}
