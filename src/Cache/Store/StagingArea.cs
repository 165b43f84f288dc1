using System.Collections.Concurrent;
using System.Globalization;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>
/// Where one dataset is put together: a tree in its final shape, and a journal of the pieces that are in it. Held by a lock; a killed
/// owner's area is taken over as it stands.
/// </summary>
/// <remarks>On disk: <c>staging/NAME.lock</c>, <c>staging/NAME/{tree/, listing-DIGEST, journal-DIGEST, reserved, entry/}</c>.</remarks>
internal sealed partial class StagingArea : IDisposable
{
    private const uint SealedFile = 0x124; // 0444
    private const uint OpenFile = 0x1A4; // 0644

    // What is written is no longer free, and must not be taken for still to come by others: up to this many bytes are.
    private const long NoteEvery = 64 * 1024 * 1024;
    private readonly CacheRoot root;
    private readonly FileLock held;
    private readonly ConcurrentDictionary<string, Lazy<string>> directories = new(StringComparer.Ordinal);
    private readonly HashSet<int> shared = [];
    private readonly Lock[] wholeFiles = [.. Enumerable.Range(0, 32).Select(_ => new Lock())];
    private readonly List<EntryLease> lenders = [];
    private long reserved, written, nextNote;
    private bool? maskHidesBits;
    private FileHandle? journal;
    private Pieces? pieces;

    private StagingArea(CacheRoot root, string name, FileLock held)
    {
        this.root = root;
        this.held = held;
        Name = name;
        foreach (var place in (ReadOnlySpan<string>)[name, name + "/tree"])
        {
            // Nothing of ours: somebody planted it.
            if (root.Staging.Status(place) is { IsDirectory: false })
                root.Staging.Delete(place);
        }
        root.Staging.MakeDirectories(name + "/tree");
        Directory = root.Staging.OpenDirectory(name);
        Tree = Directory.OpenDirectory("tree");
    }

    public string Name { get; }

    public DirectoryHandle Directory { get; }

    public DirectoryHandle Tree { get; }

    /// <summary>Bytes of this area, as allocated, that are another entry's too.</summary>
    public long SharedBytes => shared.Sum(file => SpaceLedger.Allocated(Listing.Files[file].Size));

    /// <summary>
    /// Keeps an entry from being evicted until this area is published or given up: bytes that both have must be charged to one that stays.
    /// </summary>
    public void KeepLender(EntryLease lease) => lenders.Add(lease);

    /// <summary>The lenders whose files are not linked yet may go after all.</summary>
    public void LetGoOfLenders(int keep)
    {
        foreach (var lease in lenders.Skip(keep))
            lease.Dispose();
        lenders.RemoveRange(keep, lenders.Count - keep);
    }

    public IReadOnlyList<EntryLease> Lenders => lenders;

    /// <summary>A time for the entry's publishing that is later than that of every entry it shares files with, whatever the clock did.</summary>
    public DateTimeOffset PublishTime(DateTimeOffset now)
        => lenders.Select(lease => lease.Record.PublishedAt.AddTicks(1)).Append(now).Max();

    public bool IsShared(int file) => shared.Contains(file);

    public Pieces Pieces => pieces ?? throw new InvalidOperationException("Begin comes first.");

    public Manifest Listing => Pieces.Manifest;

    /// <summary>The area of an identity: whoever downloads or heals its entry has it.</summary>
    public static string NameFor(DatasetIdentity identity) => $"{identity.ShortName}~{identity.Digest[..16]}";

    /// <summary>Becomes the only owner of the area, or returns null when the time is up.</summary>
    public static async Task<StagingArea?> TakeAsync(CacheRoot root, string name, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var held = await FileLock.TakeAsync(root.Staging, name + ".lock", timeout, time, cancellationToken);
        if (held is null)
            return null;
        try
        {
            return new StagingArea(root, name, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Puts a whole small file in its place: it is never seen half-written by a later owner. Of two who bring it the second is passed over.</summary>
    public void WriteWhole(int file, ReadOnlySpan<byte> content, bool isProven = true)
    {
        lock (wholeFiles[file % wholeFiles.Length])
        {
            if (!Pieces.Has(file, 0))
                CreateWhole(file, content, isProven);
        }
    }

    private void CreateWhole(int file, ReadOnlySpan<byte> content, bool isProven)
    {
        var path = Listing.Files[file].Path;
        MakeParent(path);
        using (var target = Tree.Create(path, SealedFile))
        {
            try
            {
                Seal(target);
                target.Write(content, 0);
            }
            catch
            {
                Tree.Delete(path);
                throw;
            }
        }
        CompletePiece(file, 0, Crc32C.Of(content), isProven);
    }

    /// <summary>Puts a piece that was checked in its place.</summary>
    /// <param name="isProven">False where only its sender says what it must be: whoever resumes after a crash shall not find it.</param>
    public void Write(int file, int piece, ReadOnlySpan<byte> content, uint checksum, bool isProven = true)
    {
        if (Listing.Files[file].Size <= Pieces.Size)
        {
            WriteWhole(file, content, isProven);
            return;
        }
        using var target = OpenForPieces(file);
        var offset = (long)piece * Pieces.Size;
        target.Write(content, offset);
        CompletePiece(file, piece, checksum, isProven);
        target.StartWriteback(offset, content.Length);
    }

    /// <summary>Opens a large file to be written in pieces, at its full length.</summary>
    public FileHandle OpenForPieces(int file)
    {
        var entry = Listing.Files[file];
        MakeParent(entry.Path);
        var target = Tree.OpenOrCreate(entry.Path, OpenFile);
        try
        {
            target.SetLength(entry.Size);
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    /// <summary>Notes that a piece's bytes are in its file.</summary>
    public void CompletePiece(int file, int piece, uint checksum, bool isProven = true)
    {
        if (!isProven)
            guesses[(file, piece)] = 0;
        Pieces.Complete(file, piece, checksum);
        if (isProven)
        {
            guesses.TryRemove((file, piece), out _);
            Journal.Append(journal!, new Journal.Record(file, piece, checksum));
        }
        TellOf(file, piece);
        var all = Interlocked.Add(ref written, Pieces.LengthOf(Listing.Files[file].Size, piece));
        if (all < Interlocked.Read(ref nextNote))
            return;
        Interlocked.Exchange(ref nextNote, all + NoteEvery);
        NoteWritten(Interlocked.Read(ref reserved), all);
    }

    /// <summary>Takes back what <see cref="CompletePiece"/> noted. The journal cannot be unwritten: a later record with a wrong checksum outdoes the first.</summary>
    public void RetractPiece(int file, int piece)
    {
        Journal.Append(journal!, new Journal.Record(file, piece, ~Pieces.Checksum(file, piece)));
        Pieces.Forget(file, piece);
        guesses.TryRemove((file, piece), out _);
    }

    /// <summary>Takes back a piece that turned out not to be what the origin has.</summary>
    public void Discard(int file, int piece)
    {
        RetractPiece(file, piece);
        // Small files are written once, whole.
        if (Listing.Files[file].Size > Pieces.Size)
            return;
        lock (wholeFiles[file % wholeFiles.Length])
            Tree.Delete(Listing.Files[file].Path);
    }

    /// <summary>Gives a file of another snapshot a second name here, or copies it where it cannot be shared. False if it is gone.</summary>
    /// <remarks>Not in the journal: a resumed download links it again, which costs less than reading it to check.</remarks>
    public bool TryAdopt(int file, DirectoryHandle from, string fromPath, ReadOnlySpan<uint> checksums)
    {
        var entry = Listing.Files[file];
        if (from.Status(fromPath) is not { IsRegularFile: true } status || status.Size != entry.Size)
            return false;
        MakeParent(entry.Path);
        // What was fetched stands until the link takes its place.
        const string replacement = "adopted";
        if (Pieces.HasAny(file))
        {
            Directory.Delete(replacement);
            if (from.TryLink(fromPath, Directory, replacement) != 0)
                return false;
            Directory.Move(replacement, Tree, entry.Path);
            shared.Add(file);
        }
        // Many tiny identical files would run into the limit of 65,000 names that ext4 gives an inode.
        else if (entry.Size < SmallestShared || from.TryLink(fromPath, Tree, entry.Path) != 0)
        {
            using var source = from.TryOpen(fromPath);
            if (source is null || (entry.Size < SmallestShared && !IsWhole(source, entry.Size, checksums)))
                return false;
            using var target = Tree.Create(entry.Path, SealedFile);
            Seal(target);
            target.CopyFrom(source, entry.Size);
        }
        else
        {
            shared.Add(file);
        }
        Pieces.CompleteAll(file, checksums);
        TellOfAll(file);
        return true;
    }

    // A copy of a broken file would be a second broken file, which healing the first does not mend. Of so little the check costs nothing.
    private static bool IsWhole(FileHandle source, long size, ReadOnlySpan<uint> checksums)
    {
        Span<byte> content = stackalloc byte[(int)size];
        return source.Read(content, 0) == size && checksums.Length == 1 && Crc32C.Of(content) == checksums[0];
    }

    // The mode of a new file is what the umask leaves of it, the same for all: looked at once.
    private void Seal(FileHandle created)
    {
        maskHidesBits ??= created.Status().Mode != SealedFile;
        if (maskHidesBits.Value)
            created.ChangeMode(SealedFile);
    }

    public const int SmallestShared = 4096;

    private void MakeParent(string path)
    {
        if (path.LastIndexOf('/') is not (> 0 and var slash))
            return;
        // Whoever comes second waits until the directory is there.
        _ = directories.GetOrAdd(path[..slash], parent => new Lazy<string>(() =>
        {
            Tree.MakeDirectories(parent);
            return parent;
        })).Value;
    }

    /// <summary>How much of a reservation is on the disk already, for others who count what is free.</summary>
    public void WriteReservation(long reserved, long written)
    {
        Interlocked.Exchange(ref this.reserved, reserved);
        Interlocked.Exchange(ref this.written, written);
        Interlocked.Exchange(ref nextNote, written + NoteEvery);
        NoteWritten(reserved, written);
    }

    private void NoteWritten(long reserved, long written)
    {
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, reserved);
        BitConverter.TryWriteBytes(bytes[8..], written);
        using var file = Directory.OpenOrCreate("reserved", OpenFile);
        file.Write(bytes, 0);
    }

    /// <summary>What was reserved has been published.</summary>
    public void EndReservation() => Directory.Delete("reserved");

    public static (long Reserved, long Written) ReadReservation(CacheRoot root, string name)
        => root.Staging.TryReadAll(name + "/reserved") is { Length: 16 } bytes ? (BitConverter.ToInt64(bytes), BitConverter.ToInt64(bytes, 8)) : (0, 0);

    /// <summary>
    /// Removes files that are here and shall not be published, with the directories that they leave empty: metadata that was only needed for a
    /// check, and what an earlier owner or an earlier listing's annotations had chosen.
    /// </summary>
    public void RemoveUnwanted(IEnumerable<int> wanted)
    {
        var kept = wanted.ToHashSet();
        for (var file = 0; file < Listing.Files.Count; file++)
        {
            if (kept.Contains(file) || !Pieces.HasAny(file))
                continue;
            var path = Listing.Files[file].Path;
            Tree.Delete(path);
            for (var slash = path.LastIndexOf('/'); slash > 0 && Tree.TryRemoveEmpty(path[..slash]);)
                slash = path.LastIndexOf('/', slash - 1);
        }
    }

    /// <summary>Forgets what is in the area, so that its next owner fetches everything again.</summary>
    public void Distrust()
    {
        foreach (var (name, _) in Directory.List())
        {
            if (name.StartsWith("journal-", StringComparison.Ordinal))
                Directory.Delete(name);
        }
    }

    /// <summary>Removes the area with all in it.</summary>
    public void Remove()
    {
        Dispose(keepLock: true);
        root.Staging.DeleteTree(Name);
        held.Release();
    }

    private void Dispose(bool keepLock)
    {
        EndWaiting();
        journal?.Dispose();
        Tree.Dispose();
        Directory.Dispose();
        LetGoOfLenders(0);
        if (!keepLock)
            held.Dispose();
    }

    public void Dispose() => Dispose(keepLock: false);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"staging/{Name}");
}
