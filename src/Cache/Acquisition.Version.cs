using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache;

// Which version of the dataset is meant, and what the origin has of it.
internal sealed partial class Acquisition
{
    /// <summary>The version that a shared root can give: the job's, the newest that is known here, or the newest that is known there.</summary>
    private string? ResolveOffline()
    {
        var theirs = sharedRoots.NewestOf(origin.Identity, prefix);
        var known = new[] { versions.OfJob(jobId), versions.Newest, theirs }.OfType<KnownVersion>().FirstOrDefault(version => sharedRoots.Find(Identity(version.ContentDigest)) is not null)
            ?? throw OfflineException.Of($"{origin.Identity}/{prefix}");
        if (known == theirs)
            versions.NoteForeign(known.ContentDigest, known.CheckedAt, digest => IsReady(Identity(digest)));
        versions.NoteForJob(known.ContentDigest, jobId);
        return known.ContentDigest;
    }

    /// <summary>Which version of a mutable dataset is meant; the listing too where the origin had to be asked.</summary>
    private async Task<(string? Digest, Manifest? Listing, DateTimeOffset? StaleSince)> ResolveAsync(bool isFirst, CancellationToken cancellationToken)
    {
        // One asks for all: the others find the answer when they have the lock.
        using var asking = await FileLock.TakeAsync(root.Staging, versions.LockName, options.LockTimeout, time, cancellationToken)
            ?? throw new LockTimeoutException($"Another process has been listing {origin.Identity}/{prefix} for longer than {options.LockTimeout}.",
                "Wait for it, or raise lock.timeout (DSCACHE_LOCK_TIMEOUT).");
        try
        {
            return await AskAsync(isFirst, cancellationToken);
        }
        finally
        {
            asking.Release();
        }
    }

    private async Task<(string? Digest, Manifest? Listing, DateTimeOffset? StaleSince)> AskAsync(bool isFirst, CancellationToken cancellationToken)
    {
        var newest = versions.Newest;
        before ??= newest;
        if (isFirst && !refresh)
        {
            // Ready or not: a rank that came before may be fetching it right now.
            if (versions.OfJob(jobId) is { } ours)
                return (ours.ContentDigest, null, null);
            if (newest is not null && newest.IsYoungerThan(options.FreshnessTtl, time.GetUtcNow()))
            {
                versions.NoteForJob(newest.ContentDigest, jobId);
                return (newest.ContentDigest, null, null);
            }
        }
        try
        {
            var listing = cluster is null ? await ListAsync(cancellationToken) : await ListForAllAsync(isFirst, cancellationToken);
            versions.Note(listing.Digest, jobId);
            return (listing.Digest, listing, null);
        }
        catch (OriginException e) when (e.Code == ErrorCode.OriginUnreachable && newest is not null
            && newest.IsYoungerThan(options.MaxStale, time.GetUtcNow()) && IsReady(Identity(newest.ContentDigest)))
        {
            versions.NoteForJob(newest.ContentDigest, jobId);
            return (newest.ContentDigest, null, newest.CheckedAt);
        }
    }

    // One node lists for all, once per freshness TTL.
    private async Task<Manifest> ListForAllAsync(bool isFirst, CancellationToken cancellationToken)
    {
        var maxAge = refresh && isFirst ? TimeSpan.Zero : options.FreshnessTtl;
        return (await cluster!.ManifestAsync(ClusterKey.OfLatest(origin.Identity, prefix), known: null, ListAsync, maxAge, jobId, cancellationToken)).Manifest;
    }

    private VersionChanges? ChangesTo(DatasetIdentity identity, string? contentDigest)
    {
        if (contentDigest is null || before is null || string.Equals(before.ContentDigest, contentDigest, StringComparison.Ordinal))
            return null;
        using var old = entries.TryLease(Identity(before.ContentDigest));
        using var now = entries.TryLease(identity);
        previousKey = old?.Record.CacheKey;
        return old is not null && now is not null && entries.ReadManifest(old.Record.CacheKey) is { } was && entries.ReadManifest(now.Record.CacheKey) is { } lines
            ? VersionChanges.Between(was, new Manifest(lines.Select(line => line.File)))
            : null;
    }

    /// <summary>What the dataset consists of, for who reads it piece by piece; with what is selected of it where a whole replica in the cluster says so.</summary>
    /// <param name="contradicted">Digest of what the nodes had agreed on and the origin contradicted; null for none.</param>
    public async Task<(DatasetIdentity Identity, Manifest Listing, ManifestDocument? Agreed)> ListForReadingAsync(string? contradicted, CancellationToken cancellationToken)
    {
        var version = dataset.SnapshotId is not null ? default : await ResolveAsync(isFirst: true, cancellationToken);
        var identity = Identity(version.Digest);
        if (cluster is null)
            return (identity, version.Listing ?? await ListVersionAsync(version.Digest, cancellationToken), null);
        if (contradicted is not null)
            cluster.Contradict(ClusterKey.Of(identity), contradicted);
        var document = await cluster.ManifestAsync(ClusterKey.Of(identity), version.Listing, cancel => ListVersionAsync(version.Digest, cancel), maxAge: null, jobId, cancellationToken);
        return (identity, document.Manifest, document);
    }

    private async Task<Manifest> ListVersionAsync(string? digest, CancellationToken cancellationToken)
    {
        var listing = await ListAsync(cancellationToken);
        if (digest is null || string.Equals(digest, listing.Digest, StringComparison.Ordinal))
            return listing;
        // Whoever found this version has not fetched it, and it is gone by now.
        versions.Note(listing.Digest, jobId);
        throw new OriginException(OriginFailure.Changed, $"{origin.Identity}/{prefix} is no longer what it was when it was last listed.");
    }

    private async Task<Manifest> ListAsync(CancellationToken cancellationToken)
    {
        meter.Phase = AcquirePhase.Listing;
        var files = new List<ManifestFile>();
        var started = time.GetTimestamp();
        try
        {
            await foreach (var listed in origin.ListAsync(prefix, cancellationToken))
            {
                if (DatasetPath.FromKey(listed.Key, prefix, listed.Size) is { } path)
                    files.Add(new ManifestFile(path, listed.Size, listed.ETag));
            }
            meter.Recorder?.Listed(time.GetElapsedTime(started), failure: null);
        }
        catch (OriginException e)
        {
            meter.Recorder?.Listed(time.GetElapsedTime(started), e);
            throw;
        }
        if (files.Count == 0)
            throw new DatasetNotFoundException($"There is nothing at {origin.Identity}/{prefix}.", "Check the dataset's id or path, and the bucket.");
        DatasetPath.RefuseConflicts(files);
        return new Manifest(files);
    }
}
