using DatasetCache.Eviction;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>
/// Finds objects that another entry of this host already holds: the same origin, key, size and ETag. They are linked into a new version instead
/// of fetched, so that a version that changed one file in a hundred moves one byte in a hundred.
/// </summary>
internal sealed class Siblings(CacheRoot root, EntryStore entries, EntryIndex index)
{
    // What none of the newest versions has is new. To look for it in a hundred large manifests would take longer than to fetch it.
    private const int Newest = 16;

    /// <summary>A file that is still missing, and where the same object lies.</summary>
    public sealed record Match(int File, string CacheKey, string Path, uint[] Checksums, bool Shared);

    /// <summary>Looks for everything that <paramref name="files"/> lack, in the newest entries first and in no more than 16.</summary>
    /// <param name="only">Which entries to look in; null for all.</param>
    /// <param name="evenStaged">Also what a dead download had fetched for itself before another entry had it.</param>
    public IReadOnlyList<Match> Find(StagingArea staging, string origin, string prefix, IEnumerable<int> files, Func<string, bool>? only = null, bool evenStaged = false)
    {
        var wanted = files.Where(file => staging.Listing.Files[file].Size > 0 && (!staging.Pieces.HasAny(file) || (evenStaged && !staging.IsShared(file))))
            .ToDictionary(file => prefix + staging.Listing.Files[file].Path, StringComparer.Ordinal);
        var matches = new List<Match>();
        if (wanted.Count == 0)
            return matches;
        // Linking what another member's copy holds would be refused later, when its space should have been reserved.
        bool Links(EntryRecord entry, string path) => !root.Root.IsShared || root.Snapshots.Status($"{entry.CacheKey}/{path}") is { } status && !CacheRoot.IsForeign(status);
        index.Refresh();
        var related = index.Related(origin, prefix).Where(entry => only?.Invoke(entry.CacheKey) != false && !entries.IsBroken(entry.CacheKey)).OrderByDescending(entry => entry.PublishedAt);
        foreach (var entry in related.Take(Newest))
        {
            foreach (var line in entries.ReadManifest(entry.CacheKey) ?? [])
            {
                var key = entry.Prefix + line.File.Path;
                if (!wanted.TryGetValue(key, out var file))
                    continue;
                var listed = staging.Listing.Files[file];
                if (line.File.Size != listed.Size || !string.Equals(line.File.ETag, listed.ETag, StringComparison.Ordinal) || line.Checksums.Length == 0)
                    continue;
                var links = listed.Size >= StagingArea.SmallestShared && Links(entry, line.File.Path);
                // A second copy of what is staged already would gain nothing.
                if (!links && staging.Pieces.HasAny(file))
                    continue;
                matches.Add(new Match(file, entry.CacheKey, line.File.Path, line.Checksums, links));
                wanted.Remove(key);
            }
            if (wanted.Count == 0)
                break;
        }
        return matches;
    }

    /// <summary>
    /// Leases the entries that were found, before space is made for the download: it must not cost what it links. What has been evicted meanwhile
    /// is left to be fetched.
    /// </summary>
    /// <returns>The matches that are there to be taken.</returns>
    public IReadOnlyList<Match> Lease(StagingArea staging, IReadOnlyList<Match> matches)
    {
        var leased = new HashSet<string>(staging.Lenders.Select(lease => lease.Record.CacheKey), StringComparer.Ordinal);
        foreach (var key in matches.Select(match => match.CacheKey).Distinct(StringComparer.Ordinal))
        {
            if (!leased.Contains(key) && entries.TryLease(key, identity: null) is { } lease)
            {
                staging.KeepLender(lease);
                leased.Add(key);
            }
        }
        return [.. matches.Where(match => leased.Contains(match.CacheKey))];
    }

    /// <summary>Takes over what was leased.</summary>
    public void Adopt(StagingArea staging, IReadOnlyList<Match> matches, TransferMeter meter, HashSet<string> counted, CancellationToken cancellationToken)
    {
        foreach (var group in matches.GroupBy(match => match.CacheKey, StringComparer.Ordinal))
        {
            using var tree = root.Snapshots.TryOpenDirectory(group.Key);
            if (tree is null)
                continue;
            foreach (var match in group)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!staging.TryAdopt(match.File, tree, match.Path, match.Checksums))
                    continue;
                if (counted.Add(staging.Listing.Files[match.File].Path))
                    meter.Reused(staging.Listing.Files[match.File].Size);
            }
        }
    }
}
