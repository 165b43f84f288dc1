using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Reading;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Lazy;

namespace DatasetCache;

// Datasets that are read piece by piece without being here as a whole.
public sealed partial class LocalDatasetCache
{
    private const int FirstFilesAtOnce = 16;
    private readonly StagingTurns turns = new();
    private LazyDatasets? lazies;

    private LazyDatasets Lazies()
    {
        lock (openingReader)
            return lazies ??= new LazyDatasets(new LazyGround(root, space, options, time, turns, Reads, () => new TransferMeter(Totals) { Recorder = Recorder }, OpenReady));
    }

    /// <summary>
    /// Makes a dataset readable under a cache key without getting it: its origin is listed, and of its files no more is read than the annotations that say which of them count. Its version hash
    /// is not checked, for that every metadata file would have to be read: a full acquire does. Where it is an entry, and is evicted later, it goes on being read piece by piece.
    /// </summary>
    internal async Task<OpenedDataset> OpenAsync(AcquireRequest request, CancellationToken cancellationToken)
    {
        var (origin, prefix) = Locate(request.Dataset);
        using (var hit = TryHit(request, origin, prefix))
        {
            if (hit is not null)
            {
                Acquisition.RefuseMissing(hit.Record.MissingCount, hit.Record.MissingFirst, request.AllowMissing);
                if (!options.Offline && !root.IsReadOnly && entries.ReadManifest(hit.Record.CacheKey) is { } lines && IdentityText.Parse(hit.Record.Identity) is { } ready)
                    Lazies().Add(new LazyDataset(Lazies().Ground, hit.Record.CacheKey, ready, origin, prefix, new Manifest(lines.Select(line => line.File)), hit.Record.PublishedAt));
                return new OpenedDataset(hit.Record.CacheKey, hit.Record.Files, hit.Record.Bytes);
            }
        }
        var name = request.Dataset.SnapshotId ?? origin.Identity + "/" + prefix;
        if (options.Offline)
            throw OfflineException.Of(name);
        root.RefuseReadOnly($"{name} is not in the cache, and reading it");
        if (request.Dataset.SnapshotId is not null && Lazies().Find(DatasetIdentity.Create(origin.Identity, prefix, request.Dataset)) is { } known)
            return Opened(known);
        var (identity, listing, selected) = await ListAsync(request, origin, prefix, cancellationToken);
        if (Lazies().Find(identity) is { } again)
            return Opened(again);
        var lazy = new LazyDataset(Lazies().Ground, FreeKey(identity), identity, origin, prefix, listing, time.GetUtcNow());
        if (selected is null)
        {
            try
            {
                var chosen = await SelectAsync(lazy, prefix, request.Dataset.Selection, cancellationToken);
                Acquisition.RefuseMissing(chosen.MissingCount, chosen.MissingFirst, request.AllowMissing);
                lazy.Select(chosen.Manifest);
            }
            finally
            {
                // Its area is nobody's until it is known: another caller may be opening it as well.
                await lazy.YieldAsync(onlyIdle: false);
            }
        }
        return Opened(Lazies().Add(lazy));
    }

    private static OpenedDataset Opened(LazyDataset lazy) => new(lazy.CacheKey, lazy.Files.Files.Count, lazy.Files.Bytes);

    private string FreeKey(DatasetIdentity identity) => identity.Names.First(name
        => (entries.TryRead(name) is not { } there || string.Equals(there.Identity, identity.Canonical, StringComparison.Ordinal))
        && (Lazies().Find(name) is not { } other || string.Equals(other.Identity.Canonical, identity.Canonical, StringComparison.Ordinal)));

    private async Task<(DatasetIdentity Identity, Manifest Listing, SelectedFiles? Selected)> ListAsync(AcquireRequest request, IOrigin origin, string prefix, CancellationToken cancellationToken)
    {
        var meter = new TransferMeter();
        using var shared = new SharedRoots(root, [], meter, (_, _) => { });
        return await NewAcquisition(request, origin, prefix, meter, shared).ListForReadingAsync(cancellationToken);
    }

    private static async Task<SelectedFiles> SelectAsync(LazyDataset lazy, string prefix, Selection selection, CancellationToken cancellationToken)
    {
        lazy.Enter();
        try
        {
            await Parallel.ForEachAsync(DatasetSelector.NeededFirst(lazy.Listing, selection), new ParallelOptions { MaxDegreeOfParallelism = FirstFilesAtOnce, CancellationToken = cancellationToken },
                async (file, cancel) => await (await OpenAsync(file.Path, cancel)).DisposeAsync());
            return await DatasetSelector.SelectAsync(lazy.Listing, prefix, selection, path => OpenAsync(path, cancellationToken), cancellationToken);
        }
        finally
        {
            lazy.Leave();
        }

        async ValueTask<Stream> OpenAsync(string path, CancellationToken cancel) => new StoredFileStream(await lazy.WholeAsync(path, cancel));
    }

    private DatasetReading? OpenReady(DatasetIdentity identity)
    {
        foreach (var name in identity.Names)
        {
            if (Reader().TryRead(name, identity.Canonical) is { } reading)
                return reading;
        }
        return null;
    }
}

/// <summary>A dataset whose files can be read by its key.</summary>
internal sealed record OpenedDataset(string CacheKey, long Files, long Bytes);
