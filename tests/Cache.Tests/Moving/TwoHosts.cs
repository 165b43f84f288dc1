using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Moving;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Moving;

/// <summary>A cache with an origin, and a second one that has none and takes archives.</summary>
public sealed class TwoHosts : IAsyncDisposable
{
    public CacheFixture Fixture { get; } = new();

    public string There => Path.Join(Path.GetDirectoryName(Fixture.Root), "there");

    public LocalDatasetCache Source => field ??= Fixture.Open();

    internal LocalDatasetCache OpenTarget(Func<CacheOptions, CacheOptions>? change = null, FileSystem? files = null)
        => Fixture.Open(options => (change ?? (same => same))(options with { Root = There, Offline = true }), files);

    /// <summary>Gets a snapshot on the first host.</summary>
    public async Task<string> GetAsync(string snapshot, string? hash = null, Selection? selection = null)
    {
        await using var lease = await Source.AcquireAsync(Fixture.Request(snapshot: snapshot, hash: hash, selection: selection));
        return lease.CacheKey;
    }

    public async Task<byte[]> ExportAsync(params string[] keys)
    {
        using var archive = new MemoryStream();
        await Source.ExportAsync(keys, archive);
        return archive.ToArray();
    }

    public static Task<ImportReport> ImportAsync(LocalDatasetCache target, byte[] archive, ImportLimits? limits = null) => target.ImportAsync(new MemoryStream(archive), limits);

    /// <summary>I5: a refused import leaves nothing.</summary>
    public void AssertStagingIsClean()
        => Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(There, "staging")).Select(Path.GetFileName).Except(["naming.lock", "space.lock"]));

    /// <summary>I3: outside the cache's root nothing was made.</summary>
    public void AssertNothingOutside()
        => Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(Fixture.Root)!).Select(Path.GetFileName).Except(["cache", "there", "jobs"]));

    /// <summary>I1: every file of an entry is there, has its manifest's bytes, and there is no other.</summary>
    public bool IsSound(string key)
    {
        using var entry = new FileSystem().OpenRoot(Path.Join(There, "entries", key));
        var lines = ManifestText.Read(entry, "manifest")!;
        var tree = Path.Join(There, "snapshots", key);
        Assert.Equal(lines.Select(line => line.File.Path).Order(StringComparer.Ordinal), Directory.EnumerateFiles(tree, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(tree, file)).Order(StringComparer.Ordinal));
        return lines.All(line =>
        {
            var bytes = File.ReadAllBytes(Path.Join(tree, line.File.Path));
            return bytes.Length == line.File.Size && line.Checksums.Select((_, i) => Crc32C.Of(bytes.AsSpan(i * Pieces.Size, Pieces.LengthOf(bytes.Length, i)))).SequenceEqual(line.Checksums);
        });
    }

    public ValueTask DisposeAsync() => Fixture.DisposeAsync();
}
