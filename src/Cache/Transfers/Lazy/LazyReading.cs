using DatasetCache.Datasets;
using DatasetCache.Reading;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Lazy;

/// <summary>Reads a dataset of which some pieces are here and others are fetched when they are wanted.</summary>
internal sealed class LazyReading(LazyDataset lazy, LazyGround ground) : DatasetReading
{
    private readonly Manifest files = lazy.Files;
    private int ended;

    public override string CacheKey => lazy.CacheKey;

    public override string Digest => files.Digest;

    public override DateTimeOffset Since => lazy.Since;

    public override int Count => files.Files.Count;

    public override ManifestFile File(int file) => files.Files[file];

    /// <summary>Nobody knows them before all of it was read.</summary>
    public override ReadOnlyMemory<uint> Checksums(int file) => default;

    public override ValueTask<FileReading?> OpenAsync(int file, CancellationToken cancellationToken) => ValueTask.FromResult<FileReading?>(new LazyFile(lazy, ground, file, files.Files[file]));

    public override void Dispose()
    {
        if (Interlocked.Exchange(ref ended, 1) == 0)
            lazy.Leave();
    }

    private sealed class LazyFile(LazyDataset lazy, LazyGround ground, int number, ManifestFile file) : FileReading
    {
        private FileHandle? handle;
        private DatasetReading? ready;
        private Fetched fetched;

        public override FileHandle Handle => handle ?? throw new InvalidOperationException("ReadyAsync comes first.");

        public override async ValueTask<long> ReadyAsync(long offset, long length, CancellationToken cancellationToken)
        {
            if (ready is not null)
                return length;
            var piece = (int)(offset / Pieces.Size);
            var last = (int)((offset + length - 1) / Pieces.Size);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var found = await lazy.PieceAsync(number, piece, last - piece + 1, cancellationToken);
                fetched = (Fetched)Math.Max((int)fetched, (int)found.Fetched);
                if (found.Area is null)
                {
                    if (TryOpenReady())
                        return length;
                    continue;
                }
                if (TryOpen(found.Area) is not { } opened)
                    continue;
                handle?.Dispose();
                handle = opened;
                var here = piece;
                while (here < last && found.Area.IsReadable(found.File, here + 1))
                    here++;
                return Math.Min(length, ((here + 1L) * Pieces.Size) - offset);
            }
        }

        // Null where the area was let go of between two lines: its next owner has the piece too.
        private FileHandle? TryOpen(StagingArea area)
        {
            try
            {
                return area.Tree.TryOpen(file.Path);
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
        }

        // False where it was evicted again in that moment.
        private bool TryOpenReady()
        {
            var entry = ground.OpenReady(lazy.Identity);
            var whole = entry?.Find(file.Path) is >= 0 and var at && entry.File(at) == file ? entry.TryOpenWhole(at) : null;
            if (whole is null)
            {
                entry?.Dispose();
                return false;
            }
            handle?.Dispose();
            (ready, handle) = (entry, whole);
            return true;
        }

        public override FileHandle TakeHandle()
        {
            var taken = Handle;
            handle = null;
            return taken;
        }

        public override void Count(ReadTally tally, long bytes)
        {
            if (fetched == Fetched.FromOrigin)
                tally.WithOrigin();
            else if (fetched == Fetched.FromPeer)
                tally.WithPeer();
            else
                tally.FromDisk(bytes);
        }

        public override void Dispose()
        {
            handle?.Dispose();
            ready?.Dispose();
        }
    }
}
