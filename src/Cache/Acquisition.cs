using System.Runtime.ExceptionServices;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache;

/// <summary>One miss from listing to publishing, for however many callers wait for it.</summary>
internal sealed class Acquisition(
    CacheRoot root, EntryStore entries, EntryIndex index, SpaceLedger space, StagingSweep sweep, Healer healer, CacheOptions options, TimeProvider time, IOrigin origin, string prefix,
    DatasetRef dataset, bool allowMissing, string? jobId, bool refresh, TransferMeter meter, SharedRoots sharedRoots)
{
    private readonly KnownVersions versions = new(root, time, origin.Identity, prefix);
    private KnownVersion? before;
    private string? previousKey;

    // Whose manifest stands for the origin's listing; null where the origin listed.
    private SharedEntry? lent;

    /// <summary>How often a dataset may change under our eyes before that is an error.</summary>
    private const int Restarts = 2;

    // What a restart links again is reused once.
    private readonly HashSet<string> reused = new(StringComparer.Ordinal);

    /// <summary>Makes the dataset ready, or finds that it is.</summary>
    public async Task<Acquired> RunAsync(CancellationToken cancellationToken)
    {
        var fullDisk = 0;
        for (var restart = 0; ; restart++)
        {
            try
            {
                return await RunOnceAsync(isFirst: restart == 0 && fullDisk == 0, mayRetryFullDisk: fullDisk == 0, cancellationToken);
            }
            catch (NoSpaceException e) when (e.IsDiskFull && fullDisk++ == 0)
            {
                // Others filled the disk under a reservation. What is there is kept; space is made for the rest, once.
                await space.MakeRoomAsync(cancellationToken);
                restart--;
                meter.Restart();
            }
            catch (OriginException e) when (e.Failure == OriginFailure.Changed && restart < Restarts)
            {
                // List again and start over: what did not change is still in staging.
                meter.Restart();
                sharedRoots.Distrust();
            }
            catch (OriginException e) when (e.Failure == OriginFailure.Changed)
            {
                throw new OriginException(OriginFailure.Changed, $"The source changed while it was read, {restart + 1} times in a row: {e.Message}",
                    e.ObjectKey, e.HttpStatus, e.RequestId, advice: "Somebody is writing to this dataset. Try again when they have finished.", inner: e);
            }
        }
    }

    private async Task<Acquired> RunOnceAsync(bool isFirst, bool mayRetryFullDisk, CancellationToken cancellationToken)
    {
        var version = dataset.SnapshotId is not null ? default : options.Offline ? (ResolveOffline(), null, null) : await ResolveAsync(isFirst, cancellationToken);
        var listing = version.Listing;
        var identity = Identity(version.Digest);
        if (entries.TryLease(identity) is { } ready)
            return Land(identity, ready, AcquireOutcome.Hit, version.Digest, version.StaleSince);

        meter.Phase = AcquirePhase.Waiting;
        using var staging = await StagingArea.TakeAsync(root, StagingArea.NameFor(identity), options.LockTimeout, time, cancellationToken)
            ?? throw new LockTimeoutException($"Another process has been downloading {identity.ShortName} for longer than {options.LockTimeout}.",
                "Wait for it, or raise lock.timeout (DSCACHE_LOCK_TIMEOUT).");
        // Whoever had the lock may have published meanwhile.
        if (IsReady(identity))
        {
            staging.Remove();
            return new Acquired(identity, entries.TryLease(identity), AcquireOutcome.Hit);
        }
        if (entries.FindBroken(identity) is { } broken && await HealAsync(staging, broken, cancellationToken))
        {
            staging.Remove();
            return Land(identity, entries.TryLease(identity), AcquireOutcome.Miss, version.Digest, version.StaleSince);
        }
        var entry = sharedRoots.Find(identity);
        lent = dataset.SnapshotId is not null || options.Offline ? entry : null;
        listing ??= lent?.Manifest;
        if (listing is null)
        {
            listing = await ListAsync(cancellationToken);
            if (version.Digest is { } known && !string.Equals(known, listing.Digest, StringComparison.Ordinal))
            {
                // Whoever found this version has not fetched it, and it is gone by now.
                versions.Note(listing.Digest, jobId);
                throw new OriginException(OriginFailure.Changed, $"{origin.Identity}/{prefix} is no longer what it was when it was last listed.");
            }
        }
        // Not before our own area is held: however old it is, it is about to be resumed.
        sweep.RemoveAbandoned(StagingSweep.DefaultPatience);
        KnownVersions.Sweep(root, time.GetUtcNow());
        meter.Phase = AcquirePhase.Resuming;
        try
        {
            staging.Begin(listing, cancellationToken);
            // What a restart finds there this very call has fetched.
            if (isFirst)
                meter.Reused(PresentBytes(staging));
            var lease = await DownloadAsync(staging, listing, identity, cancellationToken);
            return Land(identity, lease, AcquireOutcome.Miss, version.Digest);
        }
        catch (NoSpaceException) when (!mayRetryFullDisk)
        {
            // A full disk hurts everybody on the host: what cannot be finished does not stay to fill it.
            staging.Remove();
            throw;
        }
    }

    private Acquired Land(DatasetIdentity identity, EntryLease? lease, AcquireOutcome outcome, string? contentDigest, DateTimeOffset? staleSince = null)
    {
        try
        {
            return new Acquired(identity, lease, outcome, ChangesTo(identity, contentDigest), staleSince) { PreviousKey = previousKey };
        }
        catch
        {
            lease?.Dispose();
            throw;
        }
    }

    /// <returns>False where it cannot be healed and is out of the way: what the origin has now must be fetched.</returns>
    private async Task<bool> HealAsync(StagingArea staging, string key, CancellationToken cancellationToken)
    {
        if (options.Strict)
        {
            throw new IntegrityException($"{key} is broken: {entries.ReadMark(key)?.Words}. Nothing was healed (strict).",
                $"Heal it with `dscache verify {key}`, or get it without --strict (DSCACHE_STRICT).");
        }
        var healed = await healer.HealAsync(staging, key, origin, meter, cancellationToken);
        if (healed.Outcome == VerifyOutcome.Withdrawn)
        {
            // A mutable dataset has a newer version; of a snapshot there is no other.
            throw healed.SourceChanged && dataset.SnapshotId is null
                ? new OriginException(OriginFailure.Changed, healed.Why!)
                : new IntegrityException(healed.Why!, $"End the jobs that hold it (`dscache explain {key}` says which), or restore the dataset at its origin; then get it again.");
        }
        meter.Restart();
        return healed.Outcome == VerifyOutcome.Healed;
    }

    private DatasetIdentity Identity(string? contentDigest) => DatasetIdentity.Create(origin.Identity, prefix, dataset, contentDigest);

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
            var listing = await ListAsync(cancellationToken);
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

    private bool IsReady(DatasetIdentity identity)
    {
        using var lease = entries.TryLease(identity);
        return lease is not null;
    }

    private async Task<Manifest> ListAsync(CancellationToken cancellationToken)
    {
        meter.Phase = AcquirePhase.Listing;
        var files = new List<ManifestFile>();
        await foreach (var listed in origin.ListAsync(prefix, cancellationToken))
        {
            if (DatasetPath.FromKey(listed.Key, prefix, listed.Size) is { } path)
                files.Add(new ManifestFile(path, listed.Size, listed.ETag));
        }
        if (files.Count == 0)
            throw new DatasetNotFoundException($"There is nothing at {origin.Identity}/{prefix}.", "Check the dataset's id or path, and the bucket.");
        DatasetPath.RefuseConflicts(files);
        return new Manifest(files);
    }

    private async Task<EntryLease?> DownloadAsync(StagingArea staging, Manifest listing, DatasetIdentity identity, CancellationToken cancellationToken)
    {
        var ordinal = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < listing.Files.Count; i++)
            ordinal[listing.Files[i].Path] = i;

        meter.Phase = AcquirePhase.Downloading;
        var first = FirstFiles(listing).Select(file => ordinal[file.Path]).ToArray();
        await FetchAsync(staging, first, cancellationToken);
        await CheckVersionHashAsync(staging, cancellationToken);

        var chosen = lent is not null ? new SelectedFiles(listing, lent.Record.MissingCount, lent.Record.MissingFirst, lent.Record.SelectionReason) : await DatasetSelector.SelectAsync(listing, prefix, dataset.Selection, path => OpenStaged(staging, path), cancellationToken);
        RefuseMissing(chosen.MissingCount, chosen.MissingFirst, allowMissing);
        var wanted = chosen.Manifest.Files.Select(file => ordinal[file.Path]).ToArray();
        var own = await FetchAsync(staging, wanted, cancellationToken);

        meter.Phase = AcquirePhase.Publishing;
        cancellationToken.ThrowIfCancellationRequested();
        var pieces = new Pieces(chosen.Manifest);
        for (var i = 0; i < wanted.Length; i++)
            pieces.CompleteAll(i, staging.Pieces.Checksums(wanted[i]));
        staging.RemoveUnwanted(wanted);
        var lease = entries.Publish(staging, pieces, identity, key => new EntryRecord
        {
            Format = CacheRoot.Format,
            CacheKey = key,
            Identity = identity.Canonical,
            Origin = origin.Identity,
            Prefix = prefix,
            SnapshotId = dataset.SnapshotId,
            DatasetId = dataset.DatasetId,
            VersionHash = identity.VersionHash,
            Selection = dataset.Selection.Canonical,
            SelectionReason = chosen.Reason,
            ManifestDigest = chosen.Manifest.Digest,
            Files = chosen.Manifest.Files.Count,
            Bytes = chosen.Manifest.Bytes,
            OwnBytes = own,
            PublishedAt = staging.PublishTime(time.GetUtcNow()),
            MissingCount = chosen.MissingCount,
            MissingFirst = chosen.MissingFirst,
        }, options.Durable);
        try
        {
            staging.Remove();
            return lease;
        }
        catch
        {
            lease?.Dispose();
            throw;
        }
    }

    /// <summary>What must be here before anything can be checked or selected.</summary>
    private IEnumerable<ManifestFile> FirstFiles(Manifest listing) => dataset.VersionHash is not null
        ? listing.Files.Where(file => DatasetVersionHash.IsMetadata(file.Path))
        : DatasetSelector.NeededFirst(listing, dataset.Selection);

    /// <summary>Reserves space for these files, links what other versions hold, and fetches the rest.</summary>
    /// <returns>Bytes that they take on the disk and share with nobody.</returns>
    private async Task<long> FetchAsync(StagingArea staging, IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        meter.Expect(files.Count, files.Sum(file => staging.Listing.Files[file].Size));
        var siblings = new Siblings(root, entries, index);
        var kept = staging.Lenders.Count;
        var matches = siblings.Lease(staging, siblings.Find(staging, origin.Identity, prefix, files));
        var shared = SharedBytes(matches);
        var all = Enumerable.Range(0, staging.Listing.Files.Count).Where(staging.Pieces.HasAny).Union(files).Sum(file => SpaceLedger.Allocated(staging.Listing.Files[file].Size));
        try
        {
            await space.ReserveAsync(staging, all - shared, WrittenBytes(staging), cancellationToken);
        }
        catch (NoSpaceException refused) when (staging.Lenders.Count > kept)
        {
            // The older version and the new one do not fit together: where only we keep the older it may go, and its files are fetched again.
            staging.LetGoOfLenders(kept);
            matches = siblings.Lease(staging, siblings.Find(staging, origin.Identity, prefix, files, space.IsProtected));
            shared = SharedBytes(matches);
            try
            {
                await space.ReserveAsync(staging, all - shared, WrittenBytes(staging), cancellationToken);
            }
            catch (NoSpaceException)
            {
                // The smaller need is the one to be told of.
                ExceptionDispatchInfo.Throw(refused);
            }
        }
        siblings.Adopt(staging, matches, meter, reused, cancellationToken);
        // A file that could not be linked was copied: that is space nobody had reserved.
        if (all - staging.SharedBytes > all - shared)
            await space.ReserveAsync(staging, all - staging.SharedBytes, WrittenBytes(staging), cancellationToken);

        meter.Restart();
        foreach (var file in files)
        {
            if (staging.Pieces.HasAll(file))
                meter.FileDone();
        }
        meter.BytesDone(PresentBytes(staging, files));
        await sharedRoots.FillAsync(staging, origin.Identity, prefix, files, cancellationToken);
        await new OriginDownload(origin, prefix, staging, options, meter, time).FetchAsync(files, cancellationToken);
        return files.Where(file => !staging.IsShared(file)).Sum(file => SpaceLedger.Allocated(staging.Listing.Files[file].Size));

        long SharedBytes(IReadOnlyList<Siblings.Match> found)
            => found.Where(match => match.Shared).Sum(match => SpaceLedger.Allocated(staging.Listing.Files[match.File].Size)) + staging.SharedBytes;
    }

    // What is linked from other entries is in no reservation.
    private static long WrittenBytes(StagingArea staging)
        => PresentBytes(staging, Enumerable.Range(0, staging.Listing.Files.Count).Where(file => !staging.IsShared(file)));

    private static long PresentBytes(StagingArea staging) => PresentBytes(staging, Enumerable.Range(0, staging.Listing.Files.Count));

    private static long PresentBytes(StagingArea staging, IEnumerable<int> files)
    {
        var bytes = 0L;
        foreach (var file in files.Where(staging.Pieces.HasAny))
        {
            for (var piece = 0; piece < staging.Pieces.Count(file); piece++)
                bytes += staging.Pieces.Has(file, piece) ? Pieces.LengthOf(staging.Listing.Files[file].Size, piece) : 0;
        }
        return bytes;
    }

    private async Task CheckVersionHashAsync(StagingArea staging, CancellationToken cancellationToken)
    {
        // Where globs leave metadata out, an entry cannot show its hash: whoever made it had to.
        if (dataset.VersionHash is null || (lent is not null && dataset.Selection.Include.Count + dataset.Selection.Exclude.Count > 0))
            return;
        var metadata = staging.Listing.Files.Select(file => file.Path).Where(DatasetVersionHash.IsMetadata);
        var actual = await DatasetVersionHash.ComputeAsync(metadata, path => OpenStaged(staging, path), cancellationToken);
        if (!string.Equals(actual, dataset.VersionHash, StringComparison.OrdinalIgnoreCase))
        {
            // Whoever resumes this must not find the same bytes again.
            staging.Distrust();
            if (sharedRoots.Abandon())
                throw new OriginException(OriginFailure.Changed, "What a shared root holds of it does not have its dataset version hash.");
            throw new IntegrityException(
                $"The metadata of {origin.Identity}/{prefix} has the dataset version hash {actual}; {dataset.VersionHash} was asked for.",
                "The dataset was changed after the snapshot was taken, or the hash belongs to another snapshot.");
        }
    }

    private static ValueTask<Stream> OpenStaged(StagingArea staging, string path)
        => new(new StoredFileStream(staging.Tree.TryOpen(path) ?? throw new IntegrityException($"{path} should be in staging and is not.")));

    public static void RefuseMissing(int count, IReadOnlyList<string> first, bool allowMissing)
    {
        if (count == 0 || allowMissing)
            return;
        throw new DatasetNotFoundException(
            $"The annotations name {count} image{(count == 1 ? "" : "s")} that the origin does not have: {string.Join(", ", first.Select(PrintableText.Quote))}{(count > first.Count ? ", …" : "")}.",
            "Use --allow-missing to go on without them.");
    }
}
