using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Reading;

/// <summary>
/// A dataset for as long as somebody reads files of it one at a time. What it names is found in its manifest and nowhere else, so that no path of a caller ever reaches the disk unknown.
/// </summary>
internal abstract class DatasetReading : IDisposable
{
    public abstract string CacheKey { get; }

    /// <summary>The manifest's: the same digest and path mean the same bytes, wherever they were read.</summary>
    public abstract string Digest { get; }

    /// <summary>Since when it can be read.</summary>
    public abstract DateTimeOffset Since { get; }

    public abstract int Count { get; }

    /// <summary>In the order of <see cref="PathOrder"/>.</summary>
    public abstract ManifestFile File(int file);

    /// <summary>CRC32C of each piece; empty where nobody knows them yet.</summary>
    public abstract ReadOnlyMemory<uint> Checksums(int file);

    /// <summary>Opens a file that is there as a whole; null where it is not, or is not what the manifest says.</summary>
    public virtual FileHandle? TryOpenWhole(int file) => null;

    /// <summary>Opens a file; null where it is not what the manifest says: missing, or of another length.</summary>
    public abstract ValueTask<FileReading?> OpenAsync(int file, CancellationToken cancellationToken);

    /// <returns>The number of the file of this path, or where it would stand: -1 less that.</returns>
    public int Find(string path)
    {
        var (low, high) = (0, Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = PathOrder.Compare(File(middle).Path, path);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }

    /// <summary>The files after a path, at most so many.</summary>
    /// <param name="path">Null or empty for the first.</param>
    public ManifestFile[] After(string? path, int count)
    {
        var first = string.IsNullOrEmpty(path) ? 0 : Find(path) is var found && found >= 0 ? found + 1 : ~found;
        var files = new ManifestFile[Math.Max(0, Math.Min(count, Count - first))];
        for (var i = 0; i < files.Length; i++)
            files[i] = File(first + i);
        return files;
    }

    public abstract void Dispose();
}

/// <summary>A file that is being read.</summary>
internal abstract class FileReading : IDisposable
{
    /// <summary>The file on the disk, of which <see cref="ReadyAsync"/> says what may be read.</summary>
    public abstract FileHandle Handle { get; }

    /// <summary>Waits until the byte at <paramref name="offset"/> is there.</summary>
    /// <param name="length">How many bytes from there the caller will want; at least 1.</param>
    /// <returns>How many of them are there by now, at least 1.</returns>
    public abstract ValueTask<long> ReadyAsync(long offset, long length, CancellationToken cancellationToken);

    /// <summary>Hands the file over to the caller.</summary>
    public virtual FileHandle TakeHandle() => throw new NotSupportedException();

    /// <summary>Counts the read by where its bytes came from.</summary>
    public virtual void Count(ReadTally tally, long bytes) => tally.FromDisk(bytes);

    public abstract void Dispose();
}

/// <summary>A file of an entry: all of it is there.</summary>
internal sealed class StoredFileReading(FileHandle handle) : FileReading
{
    public override FileHandle Handle => handle;

    public override ValueTask<long> ReadyAsync(long offset, long length, CancellationToken cancellationToken) => ValueTask.FromResult(length);

    public override void Dispose() => handle.Dispose();
}
