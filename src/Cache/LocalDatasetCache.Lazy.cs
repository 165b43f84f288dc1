using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Reading;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Lazy;
using DatasetCache.Transfers.Peers;

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
            return lazies ??= new LazyDatasets(new LazyGround(root, space, options, time, turns, Reads, () => new TransferMeter(Totals) { Recorder = Recorder }, OpenReady) { Node = node });
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
                    Lazies().Add(Share(new LazyDataset(Lazies().Ground, hit.Record.CacheKey, ready, origin, prefix, new Manifest(lines.Select(line => line.File)), hit.Record.PublishedAt),
                        node?.Content.DocumentOf(hit.Record), request.Dataset));
                return new OpenedDataset(hit.Record.CacheKey, hit.Record.Files, hit.Record.Bytes);
            }
        }
        var name = request.Dataset.SnapshotId ?? origin.Identity + "/" + prefix;
        if (options.Offline)
            throw OfflineException.Of(name);
        root.RefuseReadOnly($"{name} is not in the cache, and reading it");
        string? contradicted = null;
        if (request.Dataset.SnapshotId is not null && Lazies().Find(DatasetIdentity.Create(origin.Identity, prefix, request.Dataset)) is { } known)
        {
            if (!known.IsStale)
                return Opened(known);
            contradicted = known.AgreedDigest;
            await Lazies().RemoveAsync(known);
        }
        var (identity, listing, agreed) = await ListAsync(request, origin, prefix, contradicted, cancellationToken);
        if (Lazies().Find(identity) is { } again)
            return Opened(again);
        var lazy = Share(new LazyDataset(Lazies().Ground, FreeKey(identity), identity, origin, prefix, listing, time.GetUtcNow()), agreed, request.Dataset);
        if (agreed?.Selected is { } selected)
            Acquisition.RefuseMissing(selected.MissingCount, selected.MissingFirst, request.AllowMissing);
        else
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

    /// <summary>Lets go of what was read piece by piece and is not being read: it stays until its space is wanted.</summary>
    internal Task LetGoOfIdleAsync() => lazies?.LetGoAsync() ?? Task.CompletedTask;

    private static OpenedDataset Opened(LazyDataset lazy) => new(lazy.CacheKey, lazy.Files.Files.Count, lazy.Files.Bytes);

    private string FreeKey(DatasetIdentity identity) => identity.Names.First(name
        => (entries.TryRead(name) is not { } there || string.Equals(there.Identity, identity.Canonical, StringComparison.Ordinal))
        && (Lazies().Find(name) is not { } other || string.Equals(other.Identity.Canonical, identity.Canonical, StringComparison.Ordinal)));

    // Nodes that share pieces must make the same plans: first of what a full download fetches first, then of what is selected.
    private LazyDataset Share(LazyDataset lazy, ManifestDocument? agreed, DatasetRef dataset)
    {
        if (node is not null && agreed is not null)
            lazy.Share(node, ClusterKey.Of(lazy.Identity), agreed, new Manifest(agreed.Selected is null ? Acquisition.FirstFiles(dataset, lazy.Listing) : []));
        return lazy;
    }

    private async Task<(DatasetIdentity Identity, Manifest Listing, ManifestDocument? Agreed)> ListAsync(
        AcquireRequest request, IOrigin origin, string prefix, string? contradicted, CancellationToken cancellationToken)
    {
        var meter = new TransferMeter();
        using var shared = new SharedRoots(root, [], meter, (_, _) => { });
        return await NewAcquisition(request, origin, prefix, meter, shared).ListForReadingAsync(contradicted, cancellationToken);
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
