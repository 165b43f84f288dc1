using System.Globalization;
using System.Text;

namespace DatasetCache.Store;

/// <summary>The cache's folder and the rooms in it. Everything the store does starts from these open directories.</summary>
internal sealed partial class CacheRoot : IDisposable
{
    /// <summary>The layout this version reads and writes; a root with a higher number was written by a newer DatasetCache.</summary>
    public const int Format = 1;

    private CacheRoot(string path, FileSystem files, DirectoryHandle root)
    {
        Path = path;
        Files = files;
        Root = root;
        if (GroupModes.IsShared(root.Status().Mode))
            root.Share();
        var isNew = !CheckFormat();
        IsReadOnly = !CanWrite();
        if (isNew)
            WriteFormat();
        Snapshots = Room("snapshots");
        Entries = Room("entries");
        Roots = Room("roots");
        Versions = Room("versions");
        Staging = Room("staging");
        Quarantine = Room("quarantine");
    }

    public string Path { get; }

    public FileSystem Files { get; }

    public DirectoryHandle Root { get; }

    /// <summary>The trees that jobs see, sealed read-only.</summary>
    public DirectoryHandle Snapshots { get; }

    /// <summary>The small files of each entry: entry.json, manifest, usage, lease.</summary>
    public DirectoryHandle Entries { get; }

    /// <summary>Job links that hold an entry.</summary>
    public DirectoryHandle Roots { get; }

    /// <summary>What mutable datasets were when their origins were last asked.</summary>
    public DirectoryHandle Versions { get; }

    /// <summary>Downloads under way, their locks, and temporary files.</summary>
    public DirectoryHandle Staging { get; }

    public DirectoryHandle Quarantine { get; }

    /// <summary>Opens the root, and makes it where it is missing.</summary>
    /// <exception cref="StorageException">It cannot be made or used, or a newer version wrote it.</exception>
    public static CacheRoot Open(string path, FileSystem? files = null)
    {
        files ??= new FileSystem();
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        try
        {
            // Without the group, whatever the umask: that it may write is for somebody to say (RootAccess).
            Directory.CreateDirectory(path, (UnixFileMode)0x1ED);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The cache root {path} cannot be made: {e.Message}", advice: "Set cache.root (--root, DSCACHE_ROOT) to a folder that you may write.", inner: e);
        }
        try
        {
            return new CacheRoot(path, files, files.OpenRoot(path));
        }
        catch (StorageException e) when (e.Errno is Syscalls.EACCES or Syscalls.EPERM && RootAccess.Describe(path) is { } access)
        {
            throw new StorageException($"This user may not use the cache root {path}: {e.Message} {access.Facts}", e.Errno, access.Advice, e);
        }
    }

    public string SnapshotPath(string cacheKey) => SnapshotPath(Path, cacheKey);

    public static string SnapshotPath(string root, string cacheKey) => System.IO.Path.Join(root, "snapshots", cacheKey);

    private DirectoryHandle Room(string name)
    {
        if (Root.TryOpenDirectory(name) is { } there)
            return there;
        if (IsReadOnly)
            throw ReadOnly($"The cache root {Path} is not complete: {name} is missing.");
        Root.MakeDirectories(name);
        return Root.OpenDirectory(name);
    }

    // False where there is none yet.
    private bool CheckFormat()
    {
        var text = Root.TryReadAll("format") is { } bytes ? Encoding.ASCII.GetString(bytes).Trim() : "";
        if (text.Length > 0 && (!int.TryParse(text, CultureInfo.InvariantCulture, out var format) || format > Format))
        {
            throw new StorageException($"The cache root {Path} has format '{text}'; this version of DatasetCache knows formats up to {Format}.",
                advice: "A newer version wrote it. Use that version, or set cache.root to another folder.");
        }
        return text.Length > 0;
    }

    private void WriteFormat()
    {
        if (IsReadOnly)
            throw ReadOnly($"There is no cache at {Path} yet, and none can be made.");
        using var file = Root.OpenOrCreate("format", 0x1A4);
        file.Write("1\n"u8, 0);
    }

    public void Dispose()
    {
        foreach (var handle in (ReadOnlySpan<IDisposable?>)[Snapshots, Entries, Roots, Versions, Staging, Quarantine, Root])
            handle?.Dispose();
    }
}
