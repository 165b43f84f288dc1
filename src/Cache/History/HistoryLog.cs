using System.Globalization;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.History;

/// <summary>
/// <c>history/log</c>, to which everybody appends what happens to entries: one write per event, which the kernel puts whole behind what others append at the same time.
/// When it is full it becomes <c>history/log.old</c>, and the old one goes. Writing never fails a call: what is lost harms nothing. A hit writes nothing.
/// </summary>
internal sealed class HistoryLog(CacheRoot root, TimeProvider time, int fullAt = HistoryLog.FullAt)
{
    public const string Room = "history";

    /// <summary>Bytes, some ten thousand events; twice as much is kept at most.</summary>
    public const int FullAt = 1 << 20;

    private const string Log = Room + "/log";
    private const string Old = ".old";

    public void Add(string cacheKey, string kind, string detail)
    {
        try
        {
            using var file = Open(out var name);
            if (file is null)
                return;
            file.Append(HistoryRecord.Write(new EntryEvent(time.GetUtcNow(), cacheKey, kind, detail)));
            if (file.Status().Size >= fullAt)
                TurnOver(name);
        }
        catch (DatasetCacheException)
        {
            // A full or read-only disk.
        }
    }

    /// <summary>What happened, the newest first.</summary>
    /// <param name="cacheKey">To one entry, which need not be there any more; null for all.</param>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public IReadOnlyList<EntryEvent> Read(string? cacheKey, int most)
    {
        var found = new List<EntryEvent>();
        using var room = root.Root.TryOpenDirectory(Room);
        foreach (var (name, isDirectory) in room?.List() ?? [])
        {
            if (!isDirectory && room!.TryReadAll(name) is { } bytes)
                Collect(bytes, cacheKey, found);
        }
        // Stable: of what happened in one millisecond the later line is the newer.
        found.Reverse();
        return [.. found.OrderByDescending(happened => happened.At).Take(most)];
    }

    private static void Collect(ReadOnlySpan<byte> bytes, string? cacheKey, List<EntryEvent> found)
    {
        var key = cacheKey is null ? default : Encoding.UTF8.GetBytes($" {cacheKey} ").AsSpan();
        foreach (var range in bytes.Split((byte)'\n'))
        {
            var line = bytes[range];
            if (HistoryRecord.MayBeOf(line, key) && HistoryRecord.Read(line) is { } happened && (cacheKey is null || string.Equals(happened.CacheKey, cacheKey, StringComparison.Ordinal)))
                found.Add(happened);
        }
    }

    private FileHandle? Open(out string name)
    {
        name = Log;
        if (root.IsReadOnly)
            return null;
        if (root.Root.TryOpenAppend(name, create: true, out var errno) is { } there)
            return there;
        if (errno == Syscalls.ENOENT)
        {
            root.Root.MakeDirectories(Room);
            return root.Root.TryOpenAppend(name, create: true, out _);
        }
        // Another user's file: one of our own beside it, if the folder lets us.
        name = $"{Log}.{Syscalls.EffectiveUser().ToString(CultureInfo.InvariantCulture)}";
        return errno is Syscalls.EACCES or Syscalls.EPERM ? root.Root.TryOpenAppend(name, create: true, out _) : null;
    }

    // One at a time, who looks again: two that find it full must not turn over the new one.
    private void TurnOver(string name)
    {
        using var turn = FileLock.TryTake(root.Staging, "history.lock");
        if (turn is not null && root.Root.Status(name) is { } now && now.Size >= fullAt)
            root.Root.Move(name, root.Root, name + Old);
    }
}
