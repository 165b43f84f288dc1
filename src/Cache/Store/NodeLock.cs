namespace DatasetCache.Store;

/// <summary>Where a daemon of a cache root listens for its own host.</summary>
/// <param name="Node">Its node id.</param>
/// <param name="Url">Its local HTTP API, for example <c>http://127.0.0.1:4680</c>; null while it starts.</param>
/// <param name="TokenFile">Absolute path of the file with the token that the API wants; null for none.</param>
internal sealed record NodeAddress(string Node, string? Url, string? TokenFile, int ProcessId);

/// <summary>
/// <c>node.lock</c>: a daemon holds it exclusively for as long as it lives and writes into it where it listens. Whoever cannot share it has a daemon to talk to;
/// everybody else lets go of it at once. The store itself is safe for any number of processes beside the daemon.
/// </summary>
internal sealed class NodeLock : IDisposable
{
    public const string Name = "node.lock";

    private static readonly TimeSpan ProbesTake = TimeSpan.FromMilliseconds(20);

    private readonly FileHandle file;

    private NodeLock(FileHandle file) => this.file = file;

    /// <summary>Takes the lock, waiting for at most <paramref name="patience"/>: command lines share it for a moment, and a daemon before may still be stopping.</summary>
    /// <exception cref="LockTimeoutException">Another daemon has it.</exception>
    public static async Task<NodeLock> TakeAsync(CacheRoot root, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        root.RefuseReadOnly("A node");
        var started = time.GetTimestamp();
        var file = root.Root.OpenOrCreate(Name, 0x1B6);
        try
        {
            while (!file.TryLock(exclusive: true))
            {
                if (time.GetElapsedTime(started) > patience)
                {
                    var other = Read(root.Root);
                    throw new LockTimeoutException($"The cache root {root.Path} belongs to another node{(other is null ? "" : $": {other.Node}, process {other.ProcessId}")}.",
                        "One node is enough for a cache root: stop the other, or give this one another cache.root (DSCACHE_ROOT).");
                }
                await Task.Delay(ProbesTake, time, cancellationToken);
            }
            file.SetLength(0);
            return new NodeLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Write(NodeAddress address)
    {
        file.SetLength(0);
        file.Write(SmallJson.Write(json =>
        {
            json.WriteString("node", address.Node);
            json.WriteString("url", address.Url);
            json.WriteString("tokenFile", address.TokenFile);
            json.WriteNumber("pid", address.ProcessId);
        }), 0);
    }

    /// <summary>The daemon of a cache root, or null where none lives. Opens and makes nothing else.</summary>
    /// <returns>With a null <see cref="NodeAddress.Url"/> where it has just been started, or cannot be read.</returns>
    public static NodeAddress? Find(string root)
    {
        if (!Directory.Exists(root))
            return null;
        try
        {
            using var directory = new FileSystem().OpenRoot(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));
            using var file = directory.TryOpen(Name);
            return file is null || file.TryLock(exclusive: false) ? null : Read(directory) ?? new NodeAddress("", Url: null, TokenFile: null, 0);
        }
        catch (StorageException)
        {
            // Whoever may not look has no daemon; opening the root says what is wrong with it.
            return null;
        }
    }

    private static NodeAddress? Read(DirectoryHandle root) => root.TryReadAll(Name) is not { } bytes ? null : SmallJson.Read(bytes, json => new NodeAddress(
        json.GetProperty("node").GetString() ?? "", json.GetProperty("url").GetString(), json.GetProperty("tokenFile").GetString(), json.GetProperty("pid").GetInt32()));

    /// <summary>Forgets the address, then lets go.</summary>
    public void Dispose()
    {
        try
        {
            file.SetLength(0);
        }
        catch (StorageException)
        {
            // An address that nobody holds the lock for is read by nobody.
        }
        file.Dispose();
    }
}
