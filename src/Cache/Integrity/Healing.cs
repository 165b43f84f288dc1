using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Peers;
using FileStatus = DatasetCache.Store.FileStatus;

namespace DatasetCache.Integrity;

/// <summary>One heal of one entry, from its mark to its end. The caller holds the entry's lease, its staging area and the origin's turn.</summary>
internal sealed class Healing(
    CacheRoot root, EntryStore entries, EntryIndex index, Sharers sharers, SpaceLedger space, CacheOptions options, TimeProvider time, Action<EntryInvalidatedEventArgs> invalidated,
    StagingArea staging, EntryRecord record, FileStatus judged, BrokenMark mark, IOrigin origin, TransferMeter meter, ClusterNode? node)
{
    private readonly string key = record.CacheKey;
    private readonly HashSet<int> whole = [];
    private readonly HashSet<int> refetched = [];
    private ManifestText.Line[] lines = [];
    private Dictionary<string, int> lineOf = [];
    private bool manifestIsNew, borrowed;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var tree = root.Snapshots.OpenDirectory(key);
        var faults = await FaultsAsync(tree, cancellationToken);
        lineOf = Enumerable.Range(0, lines.Length).ToDictionary(i => lines[i].File.Path, StringComparer.Ordinal);
        var strangers = faults.Where(fault => !lineOf.ContainsKey(fault.Path)).Select(fault => fault.Path.TrimEnd('/')).ToArray();
        Begin([.. faults.Where(fault => lineOf.ContainsKey(fault.Path))], cancellationToken);

        index.Refresh();
        var all = Enumerable.Range(0, staging.Listing.Files.Count).ToArray();
        meter.Expect(all.Length, staging.Listing.Bytes);
        var bytes = all.Sum(file => SpaceLedger.Allocated(staging.Listing.Files[file].Size)) + strangers.Sum(path => SafeTree.StatusOf(tree, path)?.AllocatedBytes ?? 0);
        await space.ReserveAsync(staging, bytes, bytes - Missing(all).Sum(piece => (long)piece.Length), cancellationToken);
        Collect(tree, all, cancellationToken);

        meter.Phase = AcquirePhase.Downloading;
        meter.Restart();
        meter.BytesDone(staging.Listing.Bytes - Missing(all).Sum(piece => (long)piece.Length));
        // Neighbours before the origin. What contradicted the origin's own digest is the same with them.
        if (node is not null && !manifestIsNew)
            await new PeerHealing(node, meter).FillAsync(record, lines, staging, [.. all.Where(file => !refetched.Contains(file))], cancellationToken);
        if (options.Offline && Missing(all).Any())
            throw new OfflineException($"{key} is broken ({mark.Words}), and the origin must not be asked for the broken pieces (offline).", "Verify it once without --offline (DSCACHE_OFFLINE).");
        await new OriginDownload(origin, record.Prefix, staging, options, meter, time).FetchAsync(all, cancellationToken);
        Compare(all);

        meter.Phase = AcquirePhase.Publishing;
        cancellationToken.ThrowIfCancellationRequested();
        SealAndSync(all);
        Place(tree, [.. all.Where(file => !whole.Contains(file))], strangers);
    }

    private async Task<IReadOnlyList<FileFault>> FaultsAsync(DirectoryHandle tree, CancellationToken cancellationToken)
    {
        if (entries.ReadManifest(key) is { } known)
        {
            lines = [.. known];
            if (mark.IsKnown && mark.EntryFault is null)
                return mark.Faults;
            meter.Phase = AcquirePhase.Resuming;
            return (await new EntryVerifier(root, entries).CheckAsync(key, VerifyLevel.Pieces, progress: null, cancellationToken))?.Faults
                ?? throw new BeyondHealingException("it was taken away meanwhile", sourceChanged: false);
        }
        if (options.Offline)
            throw new OfflineException($"{key} is broken ({mark.Words}), and the origin must not be asked (offline).", "Verify it once without --offline (DSCACHE_OFFLINE).");
        meter.Phase = AcquirePhase.Listing;
        (var rebuilt, var unproven) = await ManifestRebuild.RunAsync(record, tree, origin, cancellationToken);
        lines = [.. rebuilt];
        manifestIsNew = true;
        return [.. unproven, .. mark.Faults.Where(fault => fault.Kind == FileFaultKind.Unexpected)];
    }

    private void Begin(IReadOnlyList<FileFault> broken, CancellationToken cancellationToken)
    {
        var paths = broken.Select(fault => fault.Path).ToHashSet(StringComparer.Ordinal);
        var again = broken.Where(fault => fault.Kind == FileFaultKind.WrongDigest).Select(fault => fault.Path).ToHashSet(StringComparer.Ordinal);
        var listing = new Manifest(paths.Select(path => lines[lineOf[path]].File));
        // What an earlier attempt copied from a file that proved wrong as a whole is not to be mixed with what is fetched.
        if (again.Count > 0)
            staging.Distrust();
        staging.Begin(listing, cancellationToken);
        if (!Enumerable.Range(0, listing.Files.Count).All(file => again.Contains(listing.Files[file].Path) || Agrees(file)))
        {
            staging.Distrust();
            staging.Begin(listing, cancellationToken);
        }
        refetched.UnionWith(Enumerable.Range(0, listing.Files.Count).Where(file => again.Contains(listing.Files[file].Path)));
    }

    private bool Agrees(int file) => Enumerable.Range(0, staging.Pieces.Count(file))
        .All(piece => !staging.Pieces.Has(file, piece) || staging.Pieces.Checksum(file, piece) == Line(file).Checksums[piece]);

    private ManifestText.Line Line(int file) => lines[lineOf[staging.Listing.Files[file].Path]];

    private IEnumerable<(int File, int Piece, int Length)> Missing(IEnumerable<int> files) => files
        .SelectMany(file => Enumerable.Range(0, staging.Pieces.Count(file)).Where(piece => !staging.Pieces.Has(file, piece)).Select(piece => (file, piece, Pieces.LengthOf(staging.Listing.Files[file].Size, piece))));

    // Good pieces from the broken file itself, then from what other entries have of the same object under another inode.
    private void Collect(DirectoryHandle tree, IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        meter.Phase = AcquirePhase.Resuming;
        var buffer = new byte[Pieces.Size];
        foreach (var file in files.Where(file => !refetched.Contains(file)))
        {
            var (entry, checksums) = Line(file);
            var good = GoodPieces.Copy(tree, entry.Path, staging, file, checksums, buffer, cancellationToken);
            if (good == checksums.Length && SafeTree.StatusOf(tree, entry.Path)?.Size == entry.Size)
                whole.Add(file);
        }
        foreach (var (other, pathIn) in sharers.Kin(record))
        {
            int[] lacking = [.. files.Where(file => !refetched.Contains(file) && !staging.Pieces.HasAll(file))];
            if (lacking.Length == 0)
                break;
            using var there = root.Snapshots.TryOpenDirectory(other.CacheKey);
            foreach (var file in lacking)
            {
                var (entry, checksums) = Line(file);
                if (there is not null && entry.Size > 0 && pathIn(entry.Path) is { } path && SafeTree.StatusOf(there, path) is { IsRegularFile: true } status && status.Size == entry.Size
                    && SafeTree.StatusOf(tree, entry.Path)?.IsSameFile(status) != true)
                    borrowed |= GoodPieces.Copy(there, path, staging, file, checksums, buffer, cancellationToken) > 0;
            }
        }
    }

    private void Compare(IReadOnlyList<int> files)
    {
        foreach (var file in files.Where(refetched.Contains))
        {
            manifestIsNew |= !staging.Pieces.Checksums(file).SequenceEqual(Line(file).Checksums);
            lines[lineOf[staging.Listing.Files[file].Path]] = Line(file) with { Checksums = staging.Pieces.Checksums(file).ToArray() };
        }
        if (files.FirstOrDefault(file => !Agrees(file), -1) is >= 0 and var other)
            throw new BeyondHealingException($"{staging.Listing.Files[other].Path} has the same ETag at the origin and other bytes than it had", distrust: true);
    }

    private void SealAndSync(IReadOnlyList<int> files)
    {
        foreach (var file in files.Where(file => staging.Listing.Files[file].Size > Pieces.Size))
        {
            using var content = staging.Tree.TryOpen(staging.Listing.Files[file].Path) ?? throw new IntegrityException($"{staging.Listing.Files[file].Path} should be in staging and is not.");
            content.ChangeMode(0x124);
        }
        if (!options.Durable)
            return;
        try
        {
            staging.Directory.SyncFileSystem();
        }
        catch
        {
            staging.Distrust();
            throw;
        }
    }

    private void Place(DirectoryHandle tree, IReadOnlyList<int> files, IReadOnlyList<string> strangers)
    {
        var paths = files.Select(file => staging.Listing.Files[file].Path).ToArray();
        IReadOnlyList<(string CacheKey, string Path, string SharedPath)> shared;
        HashSet<string> refused;
        using (var naming = entries.TakeNaming())
        {
            if (root.Entries.Status(key) is not { } named || !named.IsSameFile(judged))
                return;
            index.Refresh(naming);
            shared = sharers.Of(record, paths.Select(path => (path, Status: SafeTree.StatusOf(tree, path))).Where(file => file.Status is not null).Select(file => (file.path, file.Status!.Value)));
            // Before its files: a manifest that is ahead of them finds pieces broken that are then fetched, the other way round nothing could be mended.
            if (manifestIsNew)
                WriteManifests(shared);
            using var placement = new Placement(root, staging, key, mark.Words, time);
            var names = shared.ToLookup(other => other.Path, other => (other.CacheKey, other.SharedPath), StringComparer.Ordinal);
            foreach (var file in files)
                placement.Put(staging.Listing.Files[file].Path, staging.Listing.Files[file].Size, names[staging.Listing.Files[file].Path]);
            foreach (var path in strangers)
                placement.Remove(path);
            foreach (var file in whole)
                placement.SealAbove(staging.Listing.Files[file].Path);
            placement.Finish(options.Durable);
            refused = placement.Refused;
            if (placement.IsUneven || borrowed)
                RecountAll(paths);
        }
        entries.Unmark(key, mark, options.Durable);
        invalidated(new EntryInvalidatedEventArgs(key, mark.Words, mark.Faults, VerifyOutcome.Healed));
        foreach (var group in shared.Where(other => !refused.Contains(other.CacheKey)).GroupBy(other => other.CacheKey, StringComparer.Ordinal))
            Unmark(group.Key, [.. group.Select(other => other.SharedPath)]);
    }

    private void Unmark(string sharer, HashSet<string> healed)
    {
        var was = entries.ReadMark(sharer);
        if (was is not { IsKnown: true })
            return;
        FileFault[] gone = [.. was.Faults.Where(fault => healed.Contains(fault.Path))];
        entries.Unmark(sharer, new BrokenMark(was.Since, gone, EntryFault: null), options.Durable);
        if (gone.Length > 0)
            invalidated(new EntryInvalidatedEventArgs(sharer, was.Words, gone, entries.IsBroken(sharer) ? VerifyOutcome.Withdrawn : VerifyOutcome.Healed));
    }

    private void RecountAll(IReadOnlyList<string> paths)
    {
        var recount = new Recount(root, index);
        recount.Book(key);
        foreach (var (other, pathIn) in sharers.Kin(record).ToArray())
        {
            using var there = root.Snapshots.TryOpenDirectory(other.CacheKey);
            if (there is not null && paths.Any(path => pathIn(path) is { } name && SafeTree.StatusOf(there, name) is not null))
                recount.Book(other.CacheKey);
        }
    }

    // Files that were fetched as a whole have new checksums, here and where they are shared.
    private void WriteManifests(IReadOnlyList<(string CacheKey, string Path, string SharedPath)> shared)
    {
        WriteManifest(record, lines);
        foreach (var group in shared.Where(other => refetched.Any(file => string.Equals(staging.Listing.Files[file].Path, other.Path, StringComparison.Ordinal))).GroupBy(other => other.CacheKey, StringComparer.Ordinal))
        {
            var fresh = group.ToDictionary(other => other.SharedPath, other => lines[lineOf[other.Path]].Checksums, StringComparer.Ordinal);
            if (entries.TryReadOrRebuild(group.Key) is { } sharer && entries.ReadManifest(group.Key) is { } old)
                WriteManifest(sharer, [.. old.Select(line => fresh.TryGetValue(line.File.Path, out var checksums) ? line with { Checksums = checksums } : line)]);
        }
    }

    private void WriteManifest(EntryRecord entry, IReadOnlyList<ManifestText.Line> content)
    {
        var manifest = new Manifest(content.Select(line => line.File));
        var pieces = new Pieces(manifest);
        for (var i = 0; i < content.Count; i++)
            pieces.CompleteAll(i, content[i].Checksums);
        staging.Directory.Delete("manifest");
        using (var file = staging.Directory.Create("manifest", 0x124))
        {
            ManifestText.Write(file, manifest, pieces);
            ManifestText.AppendRecord(file, entry);
            if (options.Durable)
                file.Sync();
        }
        using var directory = root.Entries.OpenDirectory(entry.CacheKey);
        staging.Directory.Move("manifest", directory, "manifest");
        if (options.Durable)
            directory.Sync();
    }
}
