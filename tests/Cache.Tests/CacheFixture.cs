using DatasetCache.Integrity;
using DatasetCache.Eviction;
using DatasetCache.Datasets;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests;

/// <summary>A cache in a folder of its own, over an origin in memory.</summary>
public sealed class CacheFixture : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly List<LocalDatasetCache> opened = [];

    public MemoryOrigin Origin { get; } = new();

    public string Root => System.IO.Path.Join(folder.Path, "cache");

    public string Jobs => System.IO.Path.Join(folder.Path, "jobs");

    public CacheOptions Options => new()
    {
        Root = Root,
        MaxSize = 1_000_000_000,
        MinFree = DiskFloor.OfBytes(0),
        Durable = false,
        Attempts = 3,
        StallTimeout = TimeSpan.FromSeconds(30),
        LockTimeout = TimeSpan.FromSeconds(60),
    };

    internal LocalDatasetCache Open(Func<CacheOptions, CacheOptions>? change = null, FileSystem? files = null, TimeProvider? time = null)
    {
        var cache = LocalDatasetCache.Open(change?.Invoke(Options) ?? Options, Origin, time, files);
        opened.Add(cache);
        return cache;
    }

    public string Job(int number) => System.IO.Path.Join(Jobs, $"{number}");

    public AcquireRequest Request(int? job = null, string snapshot = "snap_1", Selection? selection = null, string? hash = null) => new()
    {
        Dataset = new DatasetRef { SnapshotId = snapshot, DatasetId = "cats", VersionHash = hash, Selection = selection ?? new Selection { Mode = SelectionMode.All } },
        JobDirectory = job is { } number ? Job(number) : null,
    };

    public void Put(string path, byte[] content) => Origin.Put("datasets/cats/" + path, content);

    public void Put(string path, string content) => Origin.Put("datasets/cats/" + path, content);

    /// <summary>I1: what was handed out holds exactly the origin's bytes, and nothing else.</summary>
    public void AssertHoldsTheOrigin(string path, params string[] paths)
    {
        var found = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Select(file => System.IO.Path.GetRelativePath(path, file)).Order(StringComparer.Ordinal);
        Assert.Equal(paths.Order(StringComparer.Ordinal), found);
        foreach (var file in paths)
            Assert.Equal(Origin.Content("datasets/cats/" + file), File.ReadAllBytes(System.IO.Path.Join(path, file)));
    }

    /// <summary>A case of the fault table that plays in this cache: nothing beside the root and the jobs may change until its end.</summary>
    public FaultCase Case(int number, string? seed = null, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        var fault = new FaultCase(number, test) { Seed = seed };
        fault.Guard(folder.Path, Root, Jobs);
        return fault;
    }

    /// <summary>What every case ends in: a fresh process gets the dataset and reads nothing twice, whatever it calls ready is what its manifest says, and after its sweep no staging file is left.</summary>
    public async Task EndAsync(FaultCase fault)
    {
        var healthy = Open();
        Origin.BeforeRead = null;
        Origin.ForgetServed();
        await (await fault.HealsAsync(() => healthy.AcquireAsync(Request()))).DisposeAsync();
        await using (var again = await Open().AcquireAsync(Request()))
            fault.ReadOnce(Origin.Repeated + again.BytesFromOrigin);
        foreach (var entry in healthy.List().Where(entry => entry.Broken is null))
        {
            var found = await healthy.VerifyAsync(entry.CacheKey, new VerifyOptions { Level = VerifyLevel.Pieces, Heal = false });
            fault.Whole(found is null or { Outcome: VerifyOutcome.Sound }, entry.CacheKey);
        }
        healthy.Sweep(TimeSpan.Zero);
        await healthy.PruneAsync(new PruneFilter { Orphaned = true });
        fault.NoOrphans(Root);
        fault.End();
    }

    /// <summary>These files as the origin has them.</summary>
    public IEnumerable<KeyValuePair<string, byte[]>> Contents(params IEnumerable<string> paths) => paths.Select(path => KeyValuePair.Create(path, Origin.Content("datasets/cats/" + path)));

    /// <summary>I5: after the sweep nothing is left in staging but the two permanent locks.</summary>
    public void AssertStagingIsClean()
        => Assert.Empty(Directory.EnumerateFileSystemEntries(System.IO.Path.Join(Root, "staging")).Select(System.IO.Path.GetFileName).Except(["naming.lock", "space.lock"]));

    public string Staged(params string[] parts) => System.IO.Path.Join([Directory.EnumerateDirectories(System.IO.Path.Join(Root, "staging")).Single(), .. parts]);

    public async ValueTask DisposeAsync()
    {
        foreach (var cache in opened)
            await cache.DisposeAsync();
        folder.Dispose();
    }
}
