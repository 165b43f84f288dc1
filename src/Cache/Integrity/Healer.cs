using System.Security.Cryptography;
using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Peers;
using FileStatus = DatasetCache.Store.FileStatus;

namespace DatasetCache.Integrity;

/// <summary>
/// Makes a withdrawn entry whole again: builds each broken file anew from its good pieces, fetches the broken pieces alone, and puts the new file in the
/// place of the broken one wherever that has a name. The entry's mark stands until the end: a heal that is cut short is gone on with by the next.
/// </summary>
internal sealed class Healer(
    CacheRoot root, EntryStore entries, EntryIndex index, SpaceLedger space, CacheOptions options, TimeProvider time, Action<EntryInvalidatedEventArgs> invalidated, ClusterNode? node = null)
{
    private readonly Sharers sharers = new(root, index);

    /// <summary>Withdraws an entry, and those that share its broken files.</summary>
    /// <param name="judged">The entry's directory from before it was looked at.</param>
    /// <returns>False where another entry stands under the name by now.</returns>
    public bool Withdraw(VerifyReport found, FileStatus judged)
    {
        var now = time.GetUtcNow();
        if (!entries.MarkBroken(found.CacheKey, new BrokenMark(now, found.Faults, found.EntryFault), judged, options.Durable))
            return false;
        if (entries.TryReadOrRebuild(found.CacheKey) is not { } record)
            return true;
        using var tree = root.Snapshots.TryOpenDirectory(found.CacheKey);
        if (tree is null)
            return true;
        RefreshIndex();
        var broken = found.Faults.Where(fault => fault.Kind is not (FileFaultKind.Unexpected or FileFaultKind.Missing)).ToDictionary(fault => fault.Path, StringComparer.Ordinal);
        var shared = sharers.Of(record, broken.Keys.Select(path => (path, Status: SafeTree.StatusOf(tree, path))).Where(file => file.Status is not null).Select(file => (file.path, file.Status!.Value)));
        foreach (var group in shared.GroupBy(file => file.CacheKey, StringComparer.Ordinal))
        {
            if (entries.DirectoryOf(group.Key) is { } directory)
                entries.MarkBroken(group.Key, new BrokenMark(now, [.. group.Select(file => broken[file.Path] with { Path = file.SharedPath })], EntryFault: null), directory, options.Durable);
        }
        return true;
    }

    private void RefreshIndex()
    {
        try
        {
            index.Refresh();
        }
        catch (DatasetCacheException)
        {
            // A disk that was remounted read-only: what is known must do.
        }
    }

    /// <summary>Heals an entry by its key; acquirers of the same dataset wait as for a download.</summary>
    /// <exception cref="DatasetCacheException">It could not be tried to the end (origin unreachable, no space): the entry stays withdrawn.</exception>
    public async Task<HealResult> HealAsync(string key, Func<EntryRecord, IOrigin> originOf, TransferMeter meter, CancellationToken cancellationToken)
    {
        if (entries.DirectoryOf(key) is not { } judged)
            return new HealResult(VerifyOutcome.Quarantined, Why: "It is gone.");
        if (entries.TryReadOrRebuild(key) is not { } record || IdentityText.Parse(record.Identity) is not { } identity)
            return GiveUp(key, judged, new BeyondHealingException("its record is lost: nobody knows what it should hold", sourceChanged: false));
        using var staging = await StagingArea.TakeAsync(root, StagingArea.NameFor(identity), options.LockTimeout, time, cancellationToken)
            ?? throw new LockTimeoutException($"Another process has been working on {key} for longer than {options.LockTimeout}.", "Wait for it, or raise lock.timeout (DSCACHE_LOCK_TIMEOUT).");
        var result = await HealAsync(staging, key, originOf(record), meter, cancellationToken);
        staging.Remove();
        return result;
    }

    /// <summary>The same for who holds the staging area of the entry's identity already.</summary>
    public async Task<HealResult> HealAsync(StagingArea staging, string key, IOrigin origin, TransferMeter meter, CancellationToken cancellationToken)
    {
        var before = meter.BytesFromOrigin;
        BeyondHealingException beyond;
        FileStatus judged;
        using (var lease = entries.TryLease(key, identity: null, evenBroken: true))
        {
            if (lease is null || entries.DirectoryOf(key) is not { } there)
                return new HealResult(VerifyOutcome.Quarantined, Why: "It is gone.");
            judged = there;
            // Entries that share files are healed one after the other: each finds what the one before has mended.
            using var turn = await FileLock.TakeAsync(root.Staging, LockOf(origin), options.LockTimeout, time, cancellationToken)
                ?? throw new LockTimeoutException($"Another process has been healing entries of {origin.Identity} for longer than {options.LockTimeout}.", "Wait for it, or raise lock.timeout (DSCACHE_LOCK_TIMEOUT).");
            try
            {
                // What another finds broken meanwhile is healed with it.
                for (var round = 0; round < 3 && entries.ReadMark(key) is { } mark; round++)
                    await new Healing(root, entries, index, sharers, space, options, time, invalidated, staging, lease.Record, judged, mark, origin, meter, node).RunAsync(cancellationToken);
                return new HealResult(VerifyOutcome.Healed, meter.BytesFromOrigin - before);
            }
            catch (BeyondHealingException e)
            {
                beyond = e;
            }
            catch (OriginException e)
            {
                if (e.Failure is not OriginFailure.Changed && (e.Failure is not OriginFailure.NotFound || !await HasOthersAsync(origin, lease.Record.Prefix, cancellationToken)))
                {
                    throw new OriginException(e.Failure, $"{key} is broken and could not be healed: {e.Message}", e.ObjectKey, e.HttpStatus, e.RequestId, e.RetryAfter,
                        "It stays withdrawn, and the next call tries again." + (e.Advice is null ? "" : " " + e.Advice), e);
                }
                beyond = new BeyondHealingException($"the origin no longer has what it held ({e.Message.TrimEnd('.')})");
            }
            finally
            {
                turn.Release();
            }
        }
        if (beyond.Distrust)
            staging.Distrust();
        return GiveUp(key, judged, beyond) with { BytesFromOrigin = meter.BytesFromOrigin - before };
    }

    private HealResult GiveUp(string key, FileStatus judged, BeyondHealingException beyond)
    {
        var mark = entries.ReadMark(key);
        var why = $"{key} is broken ({mark?.Words}) and cannot be healed: {beyond.Message}.";
        if (!entries.TryQuarantine(key, why, judged))
            return new HealResult(VerifyOutcome.Withdrawn, Why: why + " It stays withdrawn for as long as jobs hold it.", SourceChanged: beyond.SourceChanged);
        invalidated(new EntryInvalidatedEventArgs(key, why, mark?.Faults ?? [], VerifyOutcome.Quarantined));
        return new HealResult(VerifyOutcome.Quarantined, Why: why, SourceChanged: beyond.SourceChanged);
    }

    // A folder that is not mounted has lost every object at once: that is no reason to let go of anything.
    private static async Task<bool> HasOthersAsync(IOrigin origin, string prefix, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var _ in origin.ListAsync(prefix, cancellationToken))
                return true;
        }
        catch (OriginException)
        {
            // Then nobody knows.
        }
        return false;
    }

    private static string LockOf(IOrigin origin) => $"heal-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(origin.Identity)))[..16]}.lock";
}
