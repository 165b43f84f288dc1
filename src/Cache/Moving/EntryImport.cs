using System.Globalization;
using System.Runtime.ExceptionServices;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Moving;

/// <summary>
/// Takes entries out of an archive of which nothing is believed: facts, paths, sizes and every piece's checksum are proven before an entry gets its name, and it
/// gets that as a download does.
/// </summary>
internal sealed class EntryImport(
    CacheRoot root, EntryStore entries, EntryIndex index, SpaceLedger space, StagingSweep sweep, CacheOptions options, TimeProvider time, ImportLimits limits, TransferMeter meter,
    IProgress<AcquireProgress>? progress) : IDisposable
{
    private readonly byte[] buffer = new byte[Pieces.Size];
    private readonly List<ImportedEntry> done = [];
    // What is ready is kept to the end: entries that follow may share files with it.
    private readonly Dictionary<string, EntryLease> kept = new(StringComparer.Ordinal);
    private readonly Queue<string> recent = new();
    private long counted;

    private long MaxBytes => limits.MaxBytes ?? options.MaxSize;

    public IReadOnlyList<ImportedEntry> Done => done;

    public async Task<ImportReport> RunAsync(Stream input, CancellationToken cancellationToken)
    {
        root.RefuseReadOnly("An import");
        meter.Phase = AcquirePhase.Importing;
        sweep.RemoveAbandoned(StagingSweep.DefaultPatience);
        await using var buffered = new BufferedStream(input, 1 << 20);
        var archive = new ArchiveReader(buffered, limits.MaxEntries, cancellationToken);
        var first = Next(archive);
        if (!string.Equals(first.Name, ArchiveLayout.Header, StringComparison.Ordinal) || first.Size != ArchiveLayout.Format.Length || !archive.ReadAll().AsSpan().SequenceEqual(ArchiveLayout.Format))
            throw ArchiveLayout.Refused("it is none of dscache's, or a newer version wrote it");
        var member = Next(archive);
        while (!string.Equals(member.Name, ArchiveLayout.End, StringComparison.Ordinal))
            member = await TakeAsync(archive, member, cancellationToken);
        var end = string.Create(CultureInfo.InvariantCulture, $"entries {done.Count}\n");
        if (member.Size != end.Length || !archive.ReadAll().AsSpan().SequenceEqual(System.Text.Encoding.ASCII.GetBytes(end)))
            throw ArchiveLayout.Refused($"its last member does not say that {done.Count} entries were before it");
        archive.Finish();
        return new ImportReport(done, archive.Position);
    }

    private ArchiveReader.Member Next(ArchiveReader archive)
    {
        var member = archive.Next();
        if (member.Size > MaxBytes - counted)
            throw TooLarge();
        counted += member.Size;
        return member;
    }

    private IntegrityException TooLarge() => ArchiveLayout.Refused(string.Create(CultureInfo.InvariantCulture, $"it holds more than {MaxBytes:N0} bytes (--max-bytes; by default the cache's quota)"));

    /// <returns>The first member that is not the entry's.</returns>
    private async Task<ArchiveReader.Member> TakeAsync(ArchiveReader archive, ArchiveReader.Member member, CancellationToken cancellationToken)
    {
        var slash = member.Name.IndexOf('/', StringComparison.Ordinal);
        var key = slash < 0 ? "" : member.Name[..slash];
        if (key.Length == 0 || !string.Equals(member.Name[slash..], ArchiveLayout.Facts, StringComparison.Ordinal))
            throw ArchiveLayout.RefusedName(member.Name, "stands where an entry should begin");
        if (member.Size > ArchiveLayout.LongestFacts)
            throw ArchiveLayout.RefusedName(member.Name, "is too long");
        var entry = ForeignEntry.Check(EntryRecord.FromJson(archive.ReadAll()), out var flaw) ?? throw ArchiveLayout.RefusedName(key, $"cannot be an entry: {flaw}");
        // The name is one of those that the identity may have, so it can be a folder's.
        if (!string.Equals(entry.Record.CacheKey, key, StringComparison.Ordinal))
            throw ArchiveLayout.RefusedName(key, "is not the name that the entry's facts give it");
        if (kept.ContainsKey(entry.Identity.Digest))
            throw ArchiveLayout.RefusedName(key, "stands in it twice");
        member = Next(archive);
        if (!string.Equals(member.Name, key + ArchiveLayout.Manifest, StringComparison.Ordinal) || member.Size > ArchiveLayout.LongestManifest)
            throw ArchiveLayout.RefusedName(member.Name, $"stands where the manifest of {key} should be, or is too long");
        // Null where the cache has the entry: whatever the archive holds of it is passed over.
        var walk = TryKeepReported(entry) ? null : await ImportAsync(archive, entry, member, cancellationToken);
        for (member = Next(archive); ArchivedFiles.Owns(key, member); member = Next(archive))
            walk?.Step(member);
        return member;
    }

    /// <returns>How far the entry's members have been read; null where another process has made it meanwhile.</returns>
    private async Task<ArchivedFiles?> ImportAsync(ArchiveReader archive, ForeignEntry entry, ArchiveReader.Member manifest, CancellationToken cancellationToken)
    {
        var name = StagingArea.NameFor(entry.Identity);
        // The name under which a download of the same dataset would work: one of us at a time. What it left there stays its own.
        using var turn = await StagingArea.TakeAsync(root, name, options.LockTimeout, time, cancellationToken) ?? throw Busy(entry);
        var finished = false;
        try
        {
            if (finished = TryKeepReported(entry))
                return null;
            using var staging = await StagingArea.TakeAsync(root, name + "~import", options.LockTimeout, time, cancellationToken) ?? throw Busy(entry);
            try
            {
                var walk = await StageAsync(archive, entry, manifest, staging, cancellationToken);
                finished = true;
                return walk;
            }
            finally
            {
                // What was refused or cut short is no ground for a later import or download to build on.
                staging.Remove();
            }
        }
        finally
        {
            if (finished || IsBare(turn))
                turn.Remove();
        }
    }

    private async Task<ArchivedFiles> StageAsync(ArchiveReader archive, ForeignEntry entry, ArchiveReader.Member manifest, StagingArea staging, CancellationToken cancellationToken)
    {
        var key = entry.Record.CacheKey;
        // Of an import that was killed.
        staging.Distrust();
        var content = entry.CheckManifest(ReadManifest(archive, manifest, staging), out var flaw) ?? throw ArchiveLayout.RefusedName(key, $"cannot be an entry: {flaw}");
        if (content.Lines.Count > limits.MaxEntries)
            throw ArchiveLayout.RefusedName(key, string.Create(CultureInfo.InvariantCulture, $"has {content.Lines.Count} files, more than --max-entries"));
        staging.Begin(content.Manifest, cancellationToken);
        meter.Restart();
        meter.Expect(content.Lines.Count, content.Manifest.Bytes);
        var linked = await MakeRoomAsync(staging, entry, content.Lines, cancellationToken);
        var walk = new ArchivedFiles(key, content.Lines);
        var files = content.Lines.Count;
        for (var next = FirstMissing(staging, 0, files); next < files; next = FirstMissing(staging, next, files))
        {
            // Files that came from other entries may stand in the archive or not.
            var member = Next(archive);
            var file = ArchivedFiles.Owns(key, member) ? walk.Step(member) : files;
            if (file > next)
                throw ArchiveLayout.RefusedName($"{key}/{content.Lines[next].File.Path}", "is missing, and no entry of this host has it: entries that share files are exported together");
            if (file < next)
                continue;
            ReadFile(archive, staging, file, content.Lines[file]);
            meter.FileDone();
            progress?.Report(meter.Snapshot(key));
        }
        await PublishAsync(staging, entry, content.Manifest, linked, cancellationToken);
        return walk;
    }

    private static int FirstMissing(StagingArea staging, int from, int files)
    {
        while (from < files && staging.Pieces.HasAll(from))
            from++;
        return from;
    }

    private IReadOnlyList<ManifestText.Line>? ReadManifest(ArchiveReader archive, ArchiveReader.Member member, StagingArea staging)
    {
        staging.Directory.Delete("manifest");
        using (var file = staging.Directory.Create("manifest", 0x1A4))
        {
            for (var offset = 0L; offset < member.Size;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, member.Size - offset));
                archive.Read(part);
                file.Write(part, offset);
                offset += part.Length;
            }
        }
        return ManifestText.Read(staging.Directory, "manifest");
    }

    /// <summary>Links what other entries of this host hold, and reserves space for the rest before a byte of it is written.</summary>
    private async Task<long> MakeRoomAsync(StagingArea staging, ForeignEntry entry, IReadOnlyList<ManifestText.Line> lines, CancellationToken cancellationToken)
    {
        var siblings = new Siblings(root, entries, index);
        var needed = lines.Sum(line => SpaceLedger.Allocated(line.File.Size));
        var matches = Find(only: null);
        if (entry.Record.Bytes - matches.Sum(match => lines[match.File].File.Size) > MaxBytes - counted)
            throw TooLarge();
        try
        {
            await space.ReserveAsync(staging, needed - Shared(matches), 0, cancellationToken);
        }
        catch (NoSpaceException refused) when (staging.Lenders.Count > 0)
        {
            // As with a download: what only we keep may go after all, and the archive's own copy is taken.
            staging.LetGoOfLenders(0);
            matches = Find(space.IsProtected);
            try
            {
                await space.ReserveAsync(staging, needed - Shared(matches), 0, cancellationToken);
            }
            catch (NoSpaceException)
            {
                // The smaller need is the one to be told of.
                ExceptionDispatchInfo.Throw(refused);
            }
        }
        siblings.Adopt(staging, matches, meter, new HashSet<string>(StringComparer.Ordinal), cancellationToken);
        // What could not be linked was copied.
        await space.ReserveAsync(staging, needed - staging.SharedBytes, 0, cancellationToken);
        var linked = 0L;
        for (var file = 0; file < lines.Count; file++)
        {
            if (!staging.Pieces.HasAll(file))
                continue;
            linked += lines[file].File.Size;
            meter.FileDone();
            meter.BytesDone(lines[file].File.Size);
        }
        return linked;

        // First in what came just before in this archive: that is where the files are that it left out.
        IReadOnlyList<Siblings.Match> Find(Func<string, bool>? only)
        {
            var files = Enumerable.Range(0, lines.Count);
            var near = siblings.Find(staging, entry.Record.Origin, entry.Record.Prefix, files, recent.Contains).Where(IsSame).ToDictionary(match => match.File);
            var far = siblings.Find(staging, entry.Record.Origin, entry.Record.Prefix, files.Where(file => !near.ContainsKey(file)), only).Where(IsSame);
            return siblings.Lease(staging, [.. near.Values, .. far]);
        }

        bool IsSame(Siblings.Match match) => match.Checksums.AsSpan().SequenceEqual(lines[match.File].Checksums);

        long Shared(IReadOnlyList<Siblings.Match> found) => found.Where(match => match.Shared).Sum(match => SpaceLedger.Allocated(lines[match.File].File.Size));
    }

    private void ReadFile(ArchiveReader archive, StagingArea staging, int file, ManifestText.Line line)
    {
        if (line.File.Size <= Pieces.Size)
        {
            staging.WriteWhole(file, ReadPiece(0));
            return;
        }
        using var target = staging.OpenForPieces(file);
        for (var piece = 0; piece < line.Checksums.Length; piece++)
        {
            var bytes = ReadPiece(piece);
            target.Write(bytes, (long)piece * Pieces.Size);
            target.StartWriteback((long)piece * Pieces.Size, bytes.Length);
            staging.CompletePiece(file, piece, line.Checksums[piece]);
            progress?.Report(meter.Snapshot(staging.Name));
        }

        ReadOnlySpan<byte> ReadPiece(int piece)
        {
            var bytes = buffer.AsSpan(0, Pieces.LengthOf(line.File.Size, piece));
            archive.Read(bytes);
            if (Crc32C.Of(bytes) != line.Checksums[piece])
                throw ArchiveLayout.RefusedName(line.File.Path, string.Create(CultureInfo.InvariantCulture, $"does not have the checksum of its piece {piece}"));
            meter.BytesDone(bytes.Length);
            return bytes;
        }
    }

    private async Task PublishAsync(StagingArea staging, ForeignEntry entry, Manifest manifest, long linked, CancellationToken cancellationToken)
    {
        var facts = entry.Record;
        if (facts.VersionHash is not null && entry.HasAllMetadata)
        {
            var hash = await DatasetVersionHash.ComputeAsync(manifest.Files.Select(file => file.Path), path => new ValueTask<Stream>(new StoredFileStream(staging.Tree.TryOpen(path)!)), cancellationToken);
            if (!string.Equals(hash, facts.VersionHash, StringComparison.Ordinal))
                throw ArchiveLayout.RefusedName(facts.CacheKey, $"says that its dataset version hash is {facts.VersionHash}, and its metadata have {hash}");
        }
        cancellationToken.ThrowIfCancellationRequested();
        var own = Enumerable.Range(0, manifest.Files.Count).Where(file => !staging.IsShared(file)).Sum(file => SpaceLedger.Allocated(manifest.Files[file].Size));
        var lease = entries.Publish(staging, staging.Pieces, entry.Identity, key => facts with
        {
            Format = CacheRoot.Format,
            CacheKey = key,
            OwnBytes = own,
            PublishedAt = staging.PublishTime(time.GetUtcNow()),
        }, options.Durable);
        if (lease is not null)
            Keep(entry, lease);
        Report(new ImportedEntry(lease?.Record.CacheKey ?? facts.CacheKey, WasThere: false, facts.Files, facts.Bytes, linked));
        NoteVersion(entry);
    }

    // As of when the entry was made elsewhere: with a network its origin is asked soon, without one it is found.
    private void NoteVersion(ForeignEntry entry)
    {
        if (entry.ContentDigest is not { } digest)
            return;
        var now = time.GetUtcNow();
        new KnownVersions(root, time, entry.Record.Origin, entry.Record.Prefix).NoteForeign(
            digest, entry.Record.PublishedAt < now ? entry.Record.PublishedAt : now, known => IsReady(DatasetIdentity.Create(entry.Record.Origin, entry.Record.Prefix, entry.Dataset, known)));
    }

    private bool IsReady(DatasetIdentity identity)
    {
        using var lease = entries.TryLease(identity);
        return lease is not null;
    }

    private bool TryKeepReported(ForeignEntry entry)
    {
        if (TryKeep(entry) is not { } there)
            return false;
        Report(new ImportedEntry(there.CacheKey, WasThere: true, there.Files, there.Bytes, 0));
        NoteVersion(entry);
        return true;
    }

    private EntryRecord? TryKeep(ForeignEntry entry)
    {
        if (entries.TryLease(entry.Identity) is not { } lease)
            return null;
        Keep(entry, lease);
        return lease.Record;
    }

    private void Keep(ForeignEntry entry, EntryLease lease)
    {
        kept[entry.Identity.Digest] = lease;
        recent.Enqueue(lease.Record.CacheKey);
        if (recent.Count > ArchiveLayout.ShareWindow)
            recent.Dequeue();
    }

    private void Report(ImportedEntry entry)
    {
        done.Add(entry);
        progress?.Report(meter.Snapshot(entry.CacheKey));
    }

    private LockTimeoutException Busy(ForeignEntry entry) => new(
        $"Another process has been downloading or importing {entry.Identity.ShortName} for longer than {options.LockTimeout}.", "Wait for it, or raise lock.timeout (DSCACHE_LOCK_TIMEOUT).");

    private static bool IsBare(StagingArea area) => area.Directory.List() is [("tree", true)] && area.Tree.List().Count == 0;

    public void Dispose()
    {
        foreach (var lease in kept.Values)
            lease.Dispose();
    }
}
