using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>
/// Reads files of one snapshot and compares every piece with its checksum, with a few threads; one pass over the bytes, which also makes the
/// whole file's MD5 where nobody knows it yet.
/// </summary>
/// <param name="digests">What is known of whole files; null to make no digests.</param>
/// <param name="shared">What other entries had that is one file with ours; null where that is not known.</param>
/// <param name="progress">Is told of bytes as they are done with, by any thread.</param>
internal sealed class ContentCheck(
    MediumReader reader, DirectoryHandle tree, IReadOnlyList<ManifestText.Line> lines, KnownDigests? digests, SharedFiles? shared, Pacer? pacer, Action<long>? progress)
{
    // One reads while another computes; a disk wants several requests at once, and small files cost its latency each.
    private static readonly int Threads = Math.Clamp(Environment.ProcessorCount * 2, 4, 8);

    private readonly Lock gate = new();
    private readonly List<(int File, FileFault Fault)> faults = [];
    private IEnumerator<int> feed = Enumerable.Empty<int>().GetEnumerator();
    private OpenFile? current;
    private long bytes;

    /// <summary>Bytes that were read and compared.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Checks all that <paramref name="files"/> names (it is asked for the next when a thread is free).</summary>
    /// <returns>What is wrong, by the file's number in the manifest, in its order.</returns>
    public async Task<IReadOnlyList<(int File, FileFault Fault)>> RunAsync(IEnumerable<int> files, int atMost, CancellationToken cancellationToken)
    {
        faults.Clear();
        current = null;
        feed = files.GetEnumerator();
        using (feed)
        {
            var work = new Task[Math.Clamp(atMost, 1, Threads)];
            // Threads of their own: these wait for the disk, and the pool's are few.
            for (var i = 0; i < work.Length; i++)
                work[i] = Task.Factory.StartNew(() => Work(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            await Task.WhenAll(work);
        }
        faults.Sort(static (a, b) => a.File.CompareTo(b.File));
        return [.. faults];
    }

    private void Work(CancellationToken cancellationToken)
    {
        var buffer = reader.Rent();
        try
        {
            while (TryNext(out var file, out var piece))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (file.IsSplit)
                    CheckPiece(file, piece, buffer, hash: null, cancellationToken);
                else
                    CheckWhole(file, buffer, cancellationToken);
            }
        }
        finally
        {
            // After a failure the others need not go on.
            lock (gate)
            {
                current = null;
                if (cancellationToken.IsCancellationRequested)
                    feed = Enumerable.Empty<int>().GetEnumerator();
            }
            reader.Return(buffer);
        }
    }

    // Pieces of a large file go to several threads, unless its digest is wanted, which has to see them in order.
    private bool TryNext([NotNullWhen(true)] out OpenFile? file, out int piece)
    {
        lock (gate)
        {
            while (true)
            {
                if (current is { } split)
                {
                    piece = split.NextPiece++;
                    if (split.NextPiece == split.Line.Checksums.Length)
                        current = null;
                    file = split;
                    return true;
                }
                piece = 0;
                file = null;
                if (!feed.MoveNext())
                    return false;
                file = new OpenFile(feed.Current, lines[feed.Current]);
                var digest = digests is not null && digests.Of(file.Index, file.Line) is null && EntityTag.MayBeMd5(file.Line.File.ETag);
                file.WantsDigest = digest;
                if (digest || file.Line.Checksums.Length <= 1)
                    return true;
                file.IsSplit = true;
                current = file;
            }
        }
    }

    private void CheckWhole(OpenFile file, MediumReader.Buffer buffer, CancellationToken cancellationToken)
    {
        using var hash = file.WantsDigest ? IncrementalHash.CreateHash(HashAlgorithmName.MD5) : null;
        for (var piece = 0; piece < Math.Max(1, file.Line.Checksums.Length); piece++)
            CheckPiece(file, piece, buffer, hash, cancellationToken);
    }

    private void CheckPiece(OpenFile file, int piece, MediumReader.Buffer buffer, IncrementalHash? hash, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var path = file.Line.File.Path;
        var length = Pieces.LengthOf(file.Line.File.Size, piece);
        try
        {
            if (file.Open(reader, tree, shared) is { } medium && piece < file.Line.Checksums.Length)
            {
                pacer?.Take(length, cancellationToken);
                var read = medium.Read(buffer, length, (long)piece * Pieces.Size);
                Interlocked.Add(ref bytes, read.Length);
                if (read.Length != length || Crc32C.Of(read) != file.Line.Checksums[piece])
                    file.Break(piece);
                hash?.AppendData(read);
            }
        }
        catch (StorageException e)
        {
            file.Fail(piece, e.Message);
        }
        progress?.Invoke(length);
        if (file.Finish() && Verdict(file, path, hash) is { } fault)
        {
            lock (gate)
                faults.Add((file.Index, fault));
        }
    }

    private FileFault? Verdict(OpenFile file, string path, IncrementalHash? hash)
    {
        file.Dispose();
        if (file.Fault is { } fault)
            return fault;
        var broken = file.Broken;
        if (broken.Count > 0)
        {
            broken.Sort();
            var words = string.Join(", ", broken.Take(8).Select(piece => piece.ToString(CultureInfo.InvariantCulture))) + (broken.Count > 8 ? ", …" : "");
            return file.Unreadable is { } why
                ? new FileFault(path, FileFaultKind.Unreadable, broken, $"piece {words} of {file.Line.Checksums.Length}: {why}")
                : new FileFault(path, FileFaultKind.WrongBytes, broken, $"piece {words} of {file.Line.Checksums.Length} does not have its checksum");
        }
        var digest = file.FromShared;
        if (hash is not null && !file.IsKnownSound)
            digest = hash.GetHashAndReset();
        if (digest is not null)
            digests?.Note(file.Index, file.Line, digest);
        shared?.Note(file, digest ?? digests?.Of(file.Index, file.Line));
        return null;
    }

    /// <summary>A file under way, perhaps in the hands of several threads.</summary>
    internal sealed class OpenFile(int index, ManifestText.Line line) : IDisposable
    {
        private readonly Lock gate = new();
        private MediumReader.MediumFile? medium;
        private bool isOpened;
        private int left = Math.Max(1, line.Checksums.Length);

        public int Index => index;

        public ManifestText.Line Line => line;

        public bool WantsDigest { get; set; }

        public bool IsSplit { get; set; }

        public int NextPiece { get; set; }

        public FileStatus Status { get; private set; }

        /// <summary>Another entry's check has read this very file, and it has to have the same checksums.</summary>
        public bool IsKnownSound { get; private set; }

        public byte[]? FromShared { get; private set; }

        /// <summary>What is wrong with the file as a whole.</summary>
        public FileFault? Fault { get; private set; }

        public List<int> Broken { get; } = [];

        /// <summary>What the disk said.</summary>
        public string? Unreadable { get; private set; }

        /// <summary>Opens it when the first piece is wanted; null where there is nothing to be read.</summary>
        public MediumReader.MediumFile? Open(MediumReader reader, DirectoryHandle tree, SharedFiles? shared)
        {
            lock (gate)
            {
                if (isOpened)
                    return medium;
                isOpened = true;
                var path = line.File.Path;
                var file = reader.TryOpen(tree, path);
                if (file is null)
                {
                    Fault = new FileFault(path, FileFaultKind.Missing, [], "missing");
                    return null;
                }
                Status = file.Status();
                if (!Status.IsRegularFile)
                    Fault = new FileFault(path, FileFaultKind.NotAFile, [], "not a regular file");
                else if (Status.Size != line.File.Size)
                    Fault = TreeCheck.WrongSize(path, Status.Size, line.File.Size);
                else if (shared is not null && shared.TryFind(this, out var digest))
                    (IsKnownSound, FromShared) = (true, digest);
                if (Fault is null && !IsKnownSound)
                    return medium = file;
                file.Dispose();
                return null;
            }
        }

        public void Break(int piece)
        {
            lock (gate)
                Broken.Add(piece);
        }

        public void Fail(int piece, string message)
        {
            lock (gate)
            {
                Unreadable ??= message;
                // It would not even open: then the whole is meant.
                if (medium is null)
                    Fault ??= new FileFault(line.File.Path, FileFaultKind.Unreadable, [], message);
                else
                    Broken.Add(piece);
            }
        }

        /// <summary>Whether that was the last piece.</summary>
        public bool Finish() => Interlocked.Decrement(ref left) == 0;

        public void Dispose() => medium?.Dispose();
    }
}
