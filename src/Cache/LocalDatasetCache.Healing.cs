using DatasetCache.Integrity;
using DatasetCache.Store;

namespace DatasetCache;

// What is broken: found, withdrawn, healed.
public sealed partial class LocalDatasetCache
{
    /// <summary>
    /// An entry was found broken. Raised after something was done about it (see <see cref="EntryInvalidatedEventArgs.Outcome"/>), on the thread that did it.
    /// </summary>
    public event EventHandler<EntryInvalidatedEventArgs>? Invalidated;

    /// <summary>
    /// Looks for what is broken in an entry. A broken entry is withdrawn, so that nobody new gets it, and healed by fetching the broken pieces alone; those
    /// who read it already read on.
    /// </summary>
    /// <returns>Null where there is no such entry.</returns>
    public async Task<VerifyResult?> VerifyAsync(string cacheKey, VerifyOptions? options = null, CancellationToken cancellationToken = default)
    {
        RefuseBadKey(cacheKey);
        options ??= VerifyOptions.Default;
        if (entries.DirectoryOf(cacheKey) is not { } judged || entries.TryRead(cacheKey) is null)
            return null;
        var found = await Task.Run(() => new EntryVerifier(root, entries).Check(cacheKey, cancellationToken), cancellationToken);
        return await DealWithAsync(found, judged, options.Heal, cancellationToken);
    }

    /// <summary>Does about an entry what its report calls for: withdraws it, and heals it where <paramref name="heal"/> says so.</summary>
    /// <param name="judged">The entry's directory from before it was looked at (<see cref="EntryStore.DirectoryOf"/>): another under its name by now was not judged.</param>
    internal Task<VerifyResult> DealWithAsync(VerifyReport found, FileStatus judged, bool heal, CancellationToken cancellationToken)
    {
        if (found.IsSound)
            return Task.FromResult(new VerifyResult(found, VerifyOutcome.Sound));
        cancellationToken.ThrowIfCancellationRequested();
        _ = heal;
        entries.Quarantine(found.CacheKey, string.Join("; ", found.Lines.Take(20)), judged);
        Invalidated?.Invoke(this, new EntryInvalidatedEventArgs(found.CacheKey, string.Join("; ", found.Lines.Take(20)), found.Faults, VerifyOutcome.Quarantined));
        return Task.FromResult(new VerifyResult(found, VerifyOutcome.Quarantined));
    }
}
