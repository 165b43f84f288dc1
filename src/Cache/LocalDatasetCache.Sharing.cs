using System.Collections.Concurrent;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache;

// What others on this host or network hold.
public sealed partial class LocalDatasetCache
{
    private readonly ConcurrentDictionary<string, byte> unusable = new(StringComparer.Ordinal);

    /// <summary>A shared root cannot be used, and the origin is asked instead. Raised once for each, on the thread that found out.</summary>
    public event EventHandler<SharedRootUnusableEventArgs>? SharedRootUnusable;

    private async Task<Acquired> WithSharedRootsAsync(TransferMeter meter, Func<SharedRoots, Task<Acquired>> acquire)
    {
        using var shared = new SharedRoots(root, options.SharedRoots, meter, (path, why) =>
        {
            if (unusable.TryAdd(path, 0))
                SharedRootUnusable?.Invoke(this, new SharedRootUnusableEventArgs(path, why));
        });
        return await acquire(shared);
    }
}

/// <summary>Which shared root cannot be used, and why.</summary>
public sealed class SharedRootUnusableEventArgs(string path, string reason) : EventArgs
{
    public string Path { get; } = path;

    /// <summary>For people, without the path where that is the whole story.</summary>
    public string Reason { get; } = reason;
}
