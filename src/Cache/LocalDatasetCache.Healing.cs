using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;
using FileStatus = DatasetCache.Store.FileStatus;

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
        // Open until the end, so that its number is not another's meanwhile.
        using var directory = entries.DirectoryOf(cacheKey) is { IsDirectory: true } ? root.Entries.TryOpenDirectory(cacheKey) : null;
        if (directory?.Status() is not { } judged || root.Snapshots.Status(cacheKey) is not { IsDirectory: true })
            return null;
        var found = entries.TryRead(cacheKey) is null
            ? new VerifyReport(cacheKey, 0, 0, [], EntryStore.TornRecord)
            : await Task.Run(() => new EntryVerifier(root, entries).CheckAsync(cacheKey, options.Level, options.Progress, cancellationToken), cancellationToken);
        if (found is null)
            return null;
        var result = await DealWithAsync(found, judged, options.Heal, cancellationToken);
        NoteVerified(result, options.Level);
        return result;
    }

    /// <summary>Does about an entry what its report calls for: withdraws it, and heals it where <paramref name="heal"/> says so.</summary>
    /// <param name="judged">The entry's directory from before it was looked at (<see cref="EntryStore.DirectoryOf"/>): another under its name by now was not judged.</param>
    internal async Task<VerifyResult> DealWithAsync(VerifyReport found, FileStatus judged, bool heal, CancellationToken cancellationToken)
    {
        var result = await DealAsync(found, judged, heal, cancellationToken);
        if (!found.IsSound || result.Outcome != VerifyOutcome.Sound)
            Recorder?.Dealt(result);
        return result;
    }

    private async Task<VerifyResult> DealAsync(VerifyReport found, FileStatus judged, bool heal, CancellationToken cancellationToken)
    {
        var key = found.CacheKey;
        if (found.IsSound && !entries.IsBroken(key))
            return new VerifyResult(found, VerifyOutcome.Sound);
        if (!found.IsSound && !healer.Withdraw(found, judged))
            return new VerifyResult(found, VerifyOutcome.Quarantined, Why: "Another process took it away meanwhile; what has its name now was not looked at.");
        if (!heal)
            return Withdrawn(found, 0, $"{key} is withdrawn: {entries.ReadMark(key)?.Words}. `dscache verify {key}` heals it, and so does the next `dscache get`.");
        var meter = new TransferMeter(Totals) { Recorder = Recorder };
        // Whoever reads it piece by piece meanwhile lets go of its staging area, and waits.
        using var turn = entries.TryReadOrRebuild(key) is { } record && IdentityText.Parse(record.Identity) is { } identity ? await turns.BeginAsync(StagingArea.NameFor(identity)) : null;
        try
        {
            var healed = await healer.HealAsync(key, OriginOf, meter, cancellationToken);
            return healed.Outcome == VerifyOutcome.Withdrawn
                ? Withdrawn(found, healed.BytesFromOrigin, healed.Why!)
                : new VerifyResult(found, healed.Outcome, healed.BytesFromOrigin, healed.Why);
        }
        catch (DatasetCacheException e)
        {
            return Withdrawn(found, meter.BytesFromOrigin, e.Advice is null ? e.Message : $"{e.Message} {e.Advice}");
        }
        finally
        {
            statistics.Healed(meter.BytesFromOrigin);
        }
    }

    private VerifyResult Withdrawn(VerifyReport found, long bytes, string why)
    {
        RaiseInvalidated(new EntryInvalidatedEventArgs(found.CacheKey, why, found.Faults, VerifyOutcome.Withdrawn));
        return new VerifyResult(found, VerifyOutcome.Withdrawn, bytes, why);
    }

    /// <summary>The origin that an entry came from, if it is one that is configured.</summary>
    private IOrigin OriginOf(EntryRecord record)
    {
        foreach (var name in (ReadOnlySpan<string?>)[OriginAddress.OfIdentity(record.Origin), null])
        {
            try
            {
                if (origins.Open(name).Origin is { } origin && string.Equals(origin.Identity, record.Origin, StringComparison.Ordinal))
                    return origin;
            }
            catch (DatasetCacheException)
            {
                // No default is set, or it is no address: then it is not this one.
            }
        }
        throw new ConfigurationException("origin.endpoint", $"{record.CacheKey} came from {record.Origin}, which is not the origin that is configured.",
            "Set origin.endpoint (EXTERNAL_STORAGE_ENDPOINT) and the credentials of that origin, and verify again; or `dscache rm` the entry.");
    }

    /// <summary>Says of a dataset that is here and broken that it is, to who must not ask the origin.</summary>
    private void RefuseBroken(DatasetRef dataset, string? jobId, IOrigin origin, string prefix)
    {
        string? digest = null;
        if (dataset.SnapshotId is null)
        {
            var versions = new KnownVersions(root, time, origin.Identity, prefix);
            if ((versions.OfJob(jobId) ?? versions.Newest) is not { } version)
                return;
            digest = version.ContentDigest;
        }
        if (entries.FindBroken(DatasetIdentity.Create(origin.Identity, prefix, dataset, digest)) is { } key)
        {
            throw new OfflineException($"{key} is in the cache, but broken ({entries.ReadMark(key)?.Words}), and the origin must not be asked for the broken pieces (offline).",
                $"Heal it once without --offline (DSCACHE_OFFLINE): `dscache verify {key}`, or get it.");
        }
    }
}
