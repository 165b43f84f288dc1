using System.Collections.Concurrent;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.History;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Statistics;
using DatasetCache.Store;
using DatasetCache.Telemetry;

namespace DatasetCache;

/// <summary>
/// The cache of one host, without any server: any number of these, in any number of processes, may work on one root at once.
/// </summary>
public sealed partial class LocalDatasetCache : IDatasetCache, IDisposable
{
    private readonly CacheRoot root;
    private volatile CacheOptions options;
    private readonly IOriginFactory origins;
    private readonly TimeProvider time;
    private readonly EntryStore entries;
    private readonly JobRoots roots;
    private readonly JobLink links;
    private readonly StagingSweep sweep;
    private readonly SpaceLedger space;
    private readonly EntryIndex index;
    private readonly Pins pins;
    private readonly Priorities priorities;
    private readonly Protections protections;
    private readonly Evictor evictor;
    private readonly Healer healer;
    private readonly ConcurrentDictionary<string, Flight> flights = new(StringComparer.Ordinal);

    private LocalDatasetCache(CacheRoot root, CacheOptions options, IOriginFactory origins, TimeProvider time, ICluster? cluster = null)
    {
        this.root = root;
        this.options = options;
        this.origins = origins;
        this.time = time;
        entries = new EntryStore(root, time, options.BaseTtl);
        roots = new JobRoots(root, time);
        links = new JobLink(root.Path, roots);
        sweep = new StagingSweep(root, time);
        index = new EntryIndex(root, entries, Ttl);
        pins = new Pins(root, entries, time);
        priorities = new Priorities(root, entries);
        protections = new Protections(entries, pins, new RootIndex(root, roots));
        statistics = new StatisticsLog(root, time);
        history = new HistoryLog(root, time);
        evictor = new Evictor(root, entries, index, protections, gone =>
        {
            statistics.Evicted(gone.CacheKey, gone.FreedBytes);
            NoteEviction(gone);
            node?.Withdraw(gone.CacheKey);
            Raise(Evicted, gone);
        });
        entries.Index = index;
        entries.Leaving = evictor.ChargeHeirs;
        entries.IsHeld = key => protections.Standing(key).Count > 0;
        var pressure = new Pressure(root, index, evictor, protections, time);
        space = new SpaceLedger(root, entries, index, pressure, protections, roots, options, sweep);
        node = cluster is null ? null : Join(cluster, pressure);
        healer = new Healer(root, entries, index, space, options, time, RaiseInvalidated, node);
    }

    /// <summary>Opens the cache at <see cref="CacheOptions.Root"/>, which is made where it is missing.</summary>
    /// <exception cref="StorageException">The root cannot be used, or a newer version wrote it.</exception>
    public static LocalDatasetCache Open(CacheOptions options, IOriginFactory origins, TimeProvider? time = null) => Open(options, origins, time, files: null);

    /// <summary>The same by way of a file system that a test makes fail.</summary>
    internal static LocalDatasetCache Open(CacheOptions options, IOriginFactory origins, TimeProvider? time, FileSystem? files)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(origins);
        return new LocalDatasetCache(CacheRoot.Open(options.Root, files), options, origins, time ?? TimeProvider.System);
    }

    /// <inheritdoc />
    public Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Recorder is { } recorder ? RecordAsync(recorder, request, progress, cancellationToken) : AcquireAsync(request, record: null, progress, cancellationToken);
    }

    private async Task<DatasetLease> AcquireAsync(AcquireRequest request, IAcquireRecord? record, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var started = time.GetTimestamp();
        var (origin, prefix) = Locate(request.Dataset);
        if (TryHit(request, origin, prefix) is { } ready)
            return await HandAsync(ready, request, acquired: null, flown: null, started, cancellationToken);
        if (options.Offline)
        {
            RefuseBroken(request.Dataset, request.JobId, origin, prefix);
            if (options.SharedRoots.Count == 0)
                throw OfflineException.Of(request.Dataset.SnapshotId ?? origin.Identity + "/" + prefix);
            origin = new OfflineOrigin(origin, () => OfflineException.Of(request.Dataset.SnapshotId ?? origin.Identity + "/" + prefix));
        }

        root.RefuseReadOnly($"{request.Dataset.SnapshotId ?? origin.Identity + "/" + prefix} is not in the cache{(request.Dataset.SnapshotId is null ? ", or was last checked longer ago than freshness.ttl" : "")}, and getting it");

        // A flight lands with a lease, and those who shared it take their own beside it. Where it came without one, the entry was gone in that moment.
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (acquired, lease, flown) = await FlyAsync(request, origin, prefix, progress, cancellationToken);
            if (flown is null)
                record?.Joined();
            if (lease is not null && flown is not null)
            {
                NoteDownload(request, acquired, lease.Record, flown);
                TellOfUpdate(acquired, lease.Record.CacheKey);
            }
            if (lease is not null)
                return await HandAsync(lease, request, acquired, flown, started, cancellationToken);
        }
    }

    /// <summary>Answers from disk alone: a snapshot that is here, or a mutable dataset whose version is known and fresh enough.</summary>
    private EntryLease? TryHit(AcquireRequest request, IOrigin origin, string prefix)
    {
        if (request.Dataset.SnapshotId is not null)
            return entries.TryLease(DatasetIdentity.Create(origin.Identity, prefix, request.Dataset));
        if (request.Refresh && !options.Offline)
            return null;
        var versions = new KnownVersions(root, time, origin.Identity, prefix);
        if (versions.OfJob(request.JobId) is { } ours)
        {
            // Where it is not ready another rank may be fetching it; a newer one is no answer.
            var first = Lease(ours);
            if (first is not null || !options.Offline)
                return first;
        }
        if (versions.Newest is not { } newest || !(options.Offline || newest.IsYoungerThan(options.FreshnessTtl, time.GetUtcNow())) || Lease(newest) is not { } lease)
            return null;
        versions.NoteForJob(newest.ContentDigest, request.JobId);
        return lease;

        EntryLease? Lease(KnownVersion version) => entries.TryLease(DatasetIdentity.Create(origin.Identity, prefix, request.Dataset, version.ContentDigest));
    }

    private (IOrigin Origin, string Prefix) Locate(DatasetRef dataset)
    {
        var (origin, prefix) = origins.Open(dataset.Origin);
        if (dataset.DatasetId is null)
            return (origin, prefix);
        return (origin, prefix + options.DatasetPathTemplate
            .Replace("{dataset}", dataset.DatasetId, StringComparison.Ordinal)
            .Replace("{snapshot}", dataset.SnapshotId ?? "latest", StringComparison.Ordinal));
    }

    private async Task<(Acquired Acquired, EntryLease? Lease, Transfers.TransferMeter? Flown)> FlyAsync(
        AcquireRequest request, IOrigin origin, string prefix, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        var dataset = request.Dataset;
        var name = string.Join('\n', origin.Identity, prefix, dataset.SnapshotId, dataset.VersionHash, dataset.Selection.Canonical, request.AllowMissing ? "lenient" : "strict",
            dataset.SnapshotId is null ? $"{request.JobId}\n{request.Refresh}" : "");
        while (true)
        {
            var flight = flights.GetOrAdd(name, _ => NewFlight(dataset, origin, prefix, (meter, cancel)
                => DownloadAsync(dataset.SnapshotId ?? prefix, meter, () => statistics.WatchAsync(WithSharedRootsAsync(meter, shared
                    => NewAcquisition(request, origin, prefix, meter, shared).RunAsync(cancel)), meter))));
            if (!flight.TryBoard(out var pilot))
            {
                flights.TryRemove(new KeyValuePair<string, Flight>(name, flight));
                continue;
            }
            try
            {
                return await flight.WaitAsync(pilot, (acquired, flew) => flew
                    ? (acquired, entries.TryLease(acquired.Identity), flight.Meter)
                    : (acquired with { Outcome = AcquireOutcome.Hit }, entries.TryLease(acquired.Identity), null), progress, cancellationToken);
            }
            finally
            {
                if (flight.IsOver)
                    flights.TryRemove(new KeyValuePair<string, Flight>(name, flight));
            }
        }
    }

    private Acquisition NewAcquisition(AcquireRequest request, IOrigin origin, string prefix, Transfers.TransferMeter meter, SharedRoots shared) => new(
        root, entries, index, space, sweep, healer, options, time, origin, prefix, request.Dataset, request.AllowMissing, request.JobId, request.Refresh, meter, shared, node, turns);

    private async ValueTask<LocalLease> HandAsync(
        EntryLease lease, AcquireRequest request, Acquired? acquired, Transfers.TransferMeter? flown, long started, CancellationToken cancellationToken)
    {
        try
        {
            var record = lease.Record;
            Acquisition.RefuseMissing(record.MissingCount, record.MissingFirst, request.AllowMissing);
            entries.Touch(record.CacheKey);
            if (request.Hold is { } hold)
                roots.Hold(record.CacheKey, time.GetUtcNow() + hold, request.JobId);
            var snapshot = root.SnapshotPath(record.CacheKey);
            var handed = new LocalLease(lease)
            {
                Path = request.JobDirectory is null ? snapshot : await links.MakeAsync(request.JobDirectory, record.CacheKey, request.Link, request.JobId, cancellationToken),
                SnapshotPath = snapshot,
                CacheKey = record.CacheKey,
                Outcome = acquired?.Outcome ?? AcquireOutcome.Hit,
                Changes = acquired?.Changes,
                StaleSince = acquired?.StaleSince,
                IsUnregistered = root.IsReadOnly && request.JobDirectory is not null,
                Files = record.Files,
                Bytes = record.Bytes,
                FilesFromOrigin = flown?.FilesFromOrigin ?? 0,
                BytesFromOrigin = flown?.BytesFromOrigin ?? 0,
                ReusedBytes = flown?.ReusedBytes ?? 0,
                SharedBytes = flown?.SharedBytes ?? 0,
                BytesFromPeers = flown?.BytesFromPeers ?? 0,
                Elapsed = time.GetElapsedTime(started),
            };
            if (!request.IsPrefetch)
                statistics.Served(record.CacheKey, handed.Outcome, record.Bytes, handed.BytesFromOrigin);
            return handed;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Every entry that is ready.</summary>
    public IReadOnlyList<EntrySummary> List()
    {
        var holders = roots.Standing().ToLookup(record => record.CacheKey, StringComparer.Ordinal);
        return [.. entries.Scan().Select(record => Summarize(record, holders[record.CacheKey])).OrderBy(entry => entry.CacheKey, StringComparer.Ordinal)];
    }

    /// <summary>One entry, or null where there is none of that name.</summary>
    public EntrySummary? Inspect(string cacheKey)
    {
        RefuseBadKey(cacheKey);
        return entries.TryRead(cacheKey) is { } record
            ? Summarize(record, roots.Standing().Where(held => string.Equals(held.CacheKey, cacheKey, StringComparison.Ordinal))) with { FreeableBytes = Freeable(cacheKey) }
            : null;
    }

    /// <summary>Lets go of a job's dataset: removes <c>JOB_DIR/dataset</c> and its registration.</summary>
    /// <exception cref="InvalidRequestException">What stands there is not this cache's.</exception>
    public ReleaseResult Release(string jobDirectory)
    {
        var released = links.Remove(jobDirectory);
        roots.Forget(released.Link);
        return released;
    }

    /// <summary>Removes downloads that nobody resumed within <paramref name="patience"/>, and other litter of crashes.</summary>
    public int Sweep(TimeSpan patience)
    {
        // Whoever has the space lock cleans up after others himself.
        using var held = FileLock.TryTake(root.Staging, "space.lock");
        return sweep.RemoveAbandoned(patience) + (held is null ? 0 : sweep.RemoveEvicted()) + entries.SweepTorn();
    }

    private EntrySummary Summarize(EntryRecord record, IEnumerable<RootRecord> holders)
    {
        var usage = UsageOf(record);
        return new EntrySummary
        {
            CacheKey = record.CacheKey,
            Path = root.SnapshotPath(record.CacheKey),
            Origin = record.Origin,
            DatasetPrefix = record.Prefix,
            DatasetId = record.DatasetId,
            SnapshotId = record.SnapshotId,
            VersionHash = record.VersionHash,
            Selection = record.Selection,
            SelectionReason = record.SelectionReason,
            ManifestDigest = record.ManifestDigest,
            Files = record.Files,
            Bytes = record.Bytes,
            OwnBytes = ChargedTo(record),
            MissingCount = record.MissingCount,
            PublishedAt = record.PublishedAt,
            LastUsedAt = usage.LastUsed,
            Uses = usage.Uses,
            Holders = [.. holders.Select(held => new EntryHolder(held.Link, held.JobId, held.Since, held.Until))],
            IsLeased = entries.IsLeased(record.CacheKey),
            IsPinned = pins.IsPinned(record.CacheKey),
            Priority = priorities.Of(record.CacheKey),
            ExpiresAt = Ttl.ExpiresAt(usage),
            Protections = protections.Of(record.CacheKey),
            Broken = entries.ReadMark(record.CacheKey)?.Words,
        };
    }

    /// <summary>Lets go of the root. Leases that were handed out stay until they are disposed themselves.</summary>
    public void Dispose()
    {
        lazies?.Dispose();
        opened?.Dispose();
        node?.Dispose();
        root.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class LocalLease(EntryLease lease) : DatasetLease
    {
        public override ValueTask DisposeAsync()
        {
            lease.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
