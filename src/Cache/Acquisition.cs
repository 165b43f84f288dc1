using System.Runtime.ExceptionServices;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Lazy;
using DatasetCache.Transfers.Peers;
using DatasetCache.Coordination;

namespace DatasetCache;

/// <summary>One miss from listing to publishing, for however many callers wait for it.</summary>
internal sealed partial class Acquisition(
    CacheRoot root, EntryStore entries, EntryIndex index, SpaceLedger space, StagingSweep sweep, Healer healer, CacheOptions options, TimeProvider time, IOrigin origin, string prefix,
    DatasetRef dataset, bool allowMissing, string? jobId, bool refresh, TransferMeter meter, SharedRoots sharedRoots, ClusterNode? node, StagingTurns turns)
{
    private readonly KnownVersions versions = new(root, time, origin.Identity, prefix);
    private KnownVersion? before;
    private string? previousKey;

    private readonly ClusterAcquisition? cluster = node is null ? null : new ClusterAcquisition(node, meter);

    // Whose manifest stands for the origin's listing; null where the origin listed.
    private SelectedFiles? lent;

    // What the cluster's nodes agreed on.
    private ManifestDocument? agreed;

    /// <summary>How often a dataset may change under our eyes before that is an error.</summary>
    private const int Restarts = 2;

    // While this downloads, others read along.
    private StagingTurns.Turn? turn;

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
                cluster?.Contradict();
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
        meter.CacheKey = identity.ShortName;
        if (entries.TryLease(identity) is { } ready)
            return Land(identity, ready, AcquireOutcome.Hit, version.Digest, version.StaleSince);

        meter.Phase = AcquirePhase.Waiting;
        using var taken = turn = await turns.BeginAsync(StagingArea.NameFor(identity));
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
        lent = entry is not null && (dataset.SnapshotId is not null || options.Offline)
            ? new SelectedFiles(entry.Manifest!, entry.Record.MissingCount, entry.Record.MissingFirst, entry.Record.SelectionReason) : null;
        listing ??= lent?.Manifest;
        if (cluster is not null && lent is null)
        {
            agreed = await cluster.ManifestAsync(ClusterKey.Of(identity), listing, cancel => ListVersionAsync(version.Digest, cancel), maxAge: null, jobId, cancellationToken);
            lent = agreed.Selected;
            listing = agreed.Manifest;
        }
        listing ??= await ListVersionAsync(version.Digest, cancellationToken);
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
        finally
        {
            turn.Offer(null);
            cluster?.Abandon();
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

    private bool IsReady(DatasetIdentity identity)
    {
        using var lease = entries.TryLease(identity);
        return lease is not null;
    }

    private async Task<EntryLease?> DownloadAsync(StagingArea staging, Manifest listing, DatasetIdentity identity, CancellationToken cancellationToken)
    {
        var ordinal = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < listing.Files.Count; i++)
            ordinal[listing.Files[i].Path] = i;

        meter.Phase = AcquirePhase.Downloading;
        // Nodes that have it all give it as a whole.
        if (agreed?.Selected is null)
        {
            await FetchAsync(staging, identity, [.. FirstFiles(dataset, listing).Select(file => ordinal[file.Path])], cancellationToken);
            await CheckVersionHashAsync(staging, cancellationToken);
        }
        var chosen = lent ?? await DatasetSelector.SelectAsync(listing, prefix, dataset.Selection, path => OpenStaged(staging, path), cancellationToken);
        RefuseMissing(chosen.MissingCount, chosen.MissingFirst, allowMissing);
        var wanted = chosen.Manifest.Files.Select(file => ordinal[file.Path]).ToArray();
        var own = await FetchAsync(staging, identity, wanted, cancellationToken);
        if (agreed?.Selected is not null)
            await CheckVersionHashAsync(staging, cancellationToken);

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
            cluster?.Published(lease?.Record);
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
    public static IEnumerable<ManifestFile> FirstFiles(DatasetRef dataset, Manifest listing) => dataset.VersionHash is not null
        ? listing.Files.Where(file => DatasetVersionHash.IsMetadata(file.Path))
        : DatasetSelector.NeededFirst(listing, dataset.Selection);

    /// <summary>Reserves space for these files, links what other versions hold, and fetches the rest.</summary>
    /// <returns>Bytes that they take on the disk and share with nobody.</returns>
    private async Task<long> FetchAsync(StagingArea staging, DatasetIdentity identity, IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        meter.Expect(files.Count, files.Sum(file => staging.Listing.Files[file].Size));
        var siblings = new Siblings(root, entries, index);
        var kept = staging.Lenders.Count;
        var matches = siblings.Lease(staging, siblings.Find(staging, origin.Identity, prefix, files));
        var shared = SharedBytes(matches);
        int[] stagedOrWanted = [.. Enumerable.Range(0, staging.Listing.Files.Count).Where(staging.Pieces.HasAny).Union(files)];
        var all = stagedOrWanted.Sum(file => SpaceLedger.Allocated(staging.Listing.Files[file].Size));
        try
        {
            await space.ReserveAsync(staging, all - shared, WrittenBytes(staging), cancellationToken);
        }
        catch (NoSpaceException refused)
        {
            // The older version and the new one do not fit together: where only we keep the older it may go, and its files are fetched again.
            var (borrowed, linked) = (staging.Lenders.Count - kept, staging.SharedBytes);
            staging.LetGoOfLenders(kept);
            matches = siblings.Lease(staging, siblings.Find(staging, origin.Identity, prefix, stagedOrWanted, space.IsProtected, evenStaged: true));
            // What a dead download had fetched before an entry that stays had it too: its copy gives way to a link.
            siblings.Adopt(staging, [.. matches.Where(match => staging.Pieces.HasAny(match.File))], meter, reused, cancellationToken);
            matches = [.. matches.Where(match => !staging.Pieces.HasAny(match.File))];
            if (borrowed == 0 && staging.SharedBytes == linked)
                throw;
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
        var download = new OriginDownload(origin, prefix, staging, options, meter, time);
        if (cluster is null || agreed is null)
        {
            turn!.Offer(new LazySession(staging, download));
            await download.FetchAsync(files, cancellationToken);
        }
        else
        {
            await cluster.FetchAsync(ClusterKey.Of(identity), agreed, staging, files, download, new MemberOptions(), swarm => turn!.Offer(new LazySession(staging, download, swarm)), cancellationToken);
        }
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
