using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// A sealed tree in which files are being replaced: its directories are unsealed one by one as that is needed, and sealed again at the end. Who reads in
/// it does not notice.
/// </summary>
internal sealed class OpenedTree(DirectoryHandle tree, uint? sealedMode) : IDisposable
{
    private readonly Dictionary<string, uint> modes = new(StringComparer.Ordinal);

    public DirectoryHandle Handle => tree;

    /// <summary>Lets entries of this directory ("" for the top) be replaced.</summary>
    public void Unseal(string directory)
    {
        if (modes.ContainsKey(directory))
            return;
        using var opened = directory.Length == 0 ? null : tree.OpenDirectory(directory);
        var mode = (opened ?? tree).Status().Mode;
        if ((mode & 0x80 /* 0200 */) == 0)
            (opened ?? tree).ChangeMode(0x1ED);
        modes[directory] = sealedMode ?? mode;
    }

    public static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    /// <summary>Sees that every directory above a path is one. What stands in its place is handed to <paramref name="moveAway"/>.</summary>
    public void MakeWay(string path, Action<string> moveAway)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            var directory = path[..slash];
            var status = tree.Status(directory);
            if (status is { IsDirectory: true })
                continue;
            Unseal(Parent(directory));
            if (status is not null)
                moveAway(directory);
            tree.MakeDirectories(directory);
            Unseal(directory);
        }
    }

    /// <summary>Makes the new names durable, and seals what was unsealed, the deepest first.</summary>
    public void Seal(bool durable)
    {
        foreach (var (directory, mode) in modes.OrderByDescending(pair => pair.Key.Length))
        {
            using var opened = directory.Length == 0 ? null : tree.TryOpenDirectory(directory);
            if (opened is null && directory.Length > 0)
                continue;
            if (durable)
                (opened ?? tree).Sync();
            (opened ?? tree).ChangeMode(mode);
        }
        modes.Clear();
    }

    public void Dispose()
    {
        try
        {
            Seal(durable: false);
        }
        catch (DatasetCacheException)
        {
            // Whoever heals next seals it.
        }
        tree.Dispose();
    }
}
