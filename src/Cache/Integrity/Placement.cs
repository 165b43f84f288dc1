using System.Text;
using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// Puts healed files in the place of the broken ones, under all their names at once: in the entry, in those that share them, and in downloads that have
/// just linked them. A new file takes the name by a rename; nobody's open file is written to. The broken one is kept in quarantine.
/// </summary>
/// <remarks>Callers hold the naming lock: no entry gets or loses its name meanwhile.</remarks>
internal sealed class Placement(CacheRoot root, StagingArea staging, string key, string reason, TimeProvider time) : IDisposable
{
    private const string Link = "place";
    private readonly Dictionary<string, OpenedTree> trees = new(StringComparer.Ordinal);
    private readonly Dictionary<(ulong, ulong), string> strays = [];
    private DirectoryHandle? kept;

    /// <summary>Whether sharing has changed, so that what the entries are charged for must be counted anew.</summary>
    public bool IsUneven { get; private set; }

    /// <summary>Entries of which some file could not be replaced: another user's.</summary>
    public HashSet<string> Refused { get; } = new(StringComparer.Ordinal);

    /// <summary>Replaces one file.</summary>
    /// <param name="path">In the entry, and in staging.</param>
    /// <param name="sharers">Its names in other entries.</param>
    public void Put(string path, long size, IEnumerable<(string CacheKey, string Path)> sharers)
    {
        var tree = Tree(key);
        tree.MakeWay(path, wrong => MoveAway(tree, wrong));
        tree.Unseal(OpenedTree.Parent(path));
        var old = tree.Handle.Status(path);
        using var file = old is { IsRegularFile: true } ? SafeTree.TryOpen(tree.Handle, path) : null;
        uint names = 0;
        if (old is { IsRegularFile: true } status)
        {
            // What grew beyond its size was never counted, and would take the cache over its quota.
            if (status.AllocatedBytes <= SpaceLedger.Allocated(size) && Keep(tree, path))
                names++;
        }
        else
        {
            IsUneven = true;
            if (old is not null)
                MoveAway(tree, path);
        }
        PutLink(path, tree.Handle, path);
        foreach (var (other, there) in sharers)
        {
            try
            {
                Tree(other).Unseal(OpenedTree.Parent(there));
                PutLink(path, Tree(other).Handle, there);
            }
            catch (StorageException)
            {
                Refused.Add(other);
                IsUneven = true;
                names++;
            }
        }
        if (file?.Status() is { } left && left.Links > names)
            strays[(left.Inode, left.Device)] = path;
    }

    /// <summary>Moves what the manifest does not name out of the tree.</summary>
    public void Remove(string path)
    {
        var tree = Tree(key);
        if (tree.Handle.Status(path) is null)
            return;
        tree.Unseal(OpenedTree.Parent(path));
        MoveAway(tree, path);
    }

    /// <summary>Has the directories of a file sealed in the end, though it needs no replacing: an attempt that was cut short may have left them open.</summary>
    public void SealAbove(string path)
    {
        var tree = Tree(key);
        for (var directory = OpenedTree.Parent(path); ; directory = OpenedTree.Parent(directory))
        {
            if (directory.Length == 0 || SafeTree.StatusOf(tree.Handle, directory) is { IsDirectory: true })
                tree.Unseal(directory);
            if (directory.Length == 0)
                break;
        }
    }

    /// <summary>Sees to names in staging, then makes all new names durable and seals the trees.</summary>
    public void Finish(bool durable)
    {
        ReplaceStrays();
        foreach (var tree in trees.Values)
            tree.Seal(durable);
    }

    // Downloads that linked the broken file before the entry was withdrawn would publish it.
    private void ReplaceStrays()
    {
        if (strays.Count == 0)
            return;
        foreach (var (name, isDirectory) in root.Staging.List())
        {
            if (!isDirectory || name.StartsWith(StagingSweep.Evicted, StringComparison.Ordinal) || string.Equals(name, staging.Name, StringComparison.Ordinal)
                || root.Staging.TryOpenDirectory(name + "/tree") is not { } handle)
                continue;
            using var area = new OpenedTree(handle, sealedMode: null);
            var found = new List<(string Path, string Staged)>();
            TreeSurvey.Walk(handle, "", (path, status) =>
            {
                if (strays.TryGetValue((status.Inode, status.Device), out var staged))
                    found.Add((path, staged));
            });
            foreach (var (path, staged) in found)
            {
                area.Unseal(OpenedTree.Parent(path));
                PutLink(staged, handle, path);
            }
        }
    }

    private void PutLink(string staged, DirectoryHandle tree, string path)
    {
        staging.Directory.Delete(Link);
        if (staging.Tree.TryLink(staged, staging.Directory, Link) is var errno and not 0)
            throw FileSystem.Failure("link", Path.Join(tree.Path, path), errno);
        staging.Directory.Move(Link, tree, path);
        // A rename between two names of one file does nothing, and says nothing.
        staging.Directory.Delete(Link);
    }

    private bool Keep(OpenedTree tree, string path) => tree.Handle.TryLink(path, Quarantine(path), path) == 0;

    private void MoveAway(OpenedTree tree, string path)
    {
        IsUneven = true;
        if (tree.Handle.Status(path) is { IsDirectory: true })
        {
            // Its entry for the directory above it is rewritten.
            using var directory = tree.Handle.OpenDirectory(path);
            directory.ChangeMode(0x1ED);
        }
        tree.Handle.Move(path, Quarantine(path), path);
    }

    // The folder of this healing in quarantine, with room for a path.
    private DirectoryHandle Quarantine(string path)
    {
        if (kept is null)
        {
            var place = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{key}.{time.GetUtcNow().UtcTicks:x}");
            root.Quarantine.MakeDirectories(place + "/tree");
            using var text = root.Quarantine.OpenOrCreate(place + "/reason", 0x1A4);
            text.Write(Encoding.UTF8.GetBytes($"{time.GetUtcNow():O} {key}: {reason}\n"), 0);
            kept = root.Quarantine.OpenDirectory(place + "/tree");
        }
        if (OpenedTree.Parent(path) is { Length: > 0 } parent)
            kept.MakeDirectories(parent);
        return kept;
    }

    private OpenedTree Tree(string cacheKey)
    {
        if (!trees.TryGetValue(cacheKey, out var tree))
            trees[cacheKey] = tree = new OpenedTree(root.Snapshots.OpenDirectory(cacheKey), sealedMode: 0x16D);
        return tree;
    }

    public void Dispose()
    {
        foreach (var tree in trees.Values)
            tree.Dispose();
        kept?.Dispose();
    }
}
