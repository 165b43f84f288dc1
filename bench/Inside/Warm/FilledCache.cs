using System.Globalization;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Bench.Warm;

/// <summary>A cache with a given number of entries, one of which has a given number of files.</summary>
public sealed class FilledCache : IAsyncDisposable
{
    private static readonly TimeSpan AnyHalfLife = TimeSpan.FromHours(24);
    private readonly TempFolder folder;
    private readonly MemoryOrigin origin = new();

    private FilledCache(TempFolder folder)
    {
        this.folder = folder;
        Cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), Durable = false }, origin);
    }

    public LocalDatasetCache Cache { get; }

    public string Job(int number) => folder[string.Create(CultureInfo.InvariantCulture, $"jobs/{number}")];

    public static async Task<FilledCache> CreateAsync(int files, int entries)
    {
        var filled = new FilledCache(new TempFolder(Environment.GetEnvironmentVariable("BENCH_DIR")));
        for (var i = 0; i < files; i++)
            filled.origin.Put(string.Create(CultureInfo.InvariantCulture, $"datasets/measured/part_{i / 1000:d3}/img_{i:d6}.jpg"), MemoryOrigin.Bytes(i, 64));
        filled.origin.Put("datasets/other/readme.txt", "Another dataset.");
        await filled.AcquireAsync();
        await using (await filled.Cache.AcquireAsync(Other(0)))
        {
        }
        filled.Multiply(entries - 2);
        return filled;
    }

    /// <summary>A warm hit, once <see cref="CreateAsync"/> is done.</summary>
    public async Task<AcquireOutcome> AcquireAsync(string? job = null)
    {
        await using var lease = await Cache.AcquireAsync(new AcquireRequest
        {
            Dataset = new DatasetRef { SnapshotId = "snap_measured", DatasetId = "measured", Selection = new Selection { Mode = SelectionMode.All } },
            JobDirectory = job,
        });
        return lease.Outcome;
    }

    public async ValueTask DisposeAsync()
    {
        await Cache.DisposeAsync();
        folder.Dispose();
    }

    private static AcquireRequest Other(int number) => new()
    {
        Dataset = new DatasetRef
        {
            SnapshotId = string.Create(CultureInfo.InvariantCulture, $"snap_{number:d6}"),
            DatasetId = "other",
            Selection = new Selection { Mode = SelectionMode.All },
        },
    };

    // Written as a publish leaves them: 10,000 real acquires would take the better part of an hour, because each reads every entry to count
    // what is used.
    private void Multiply(int copies)
    {
        var template = Cache.List().Single(entry => string.Equals(entry.DatasetId, "other", StringComparison.Ordinal)).CacheKey;
        var (entries, snapshots) = (folder["cache/entries"], folder["cache/snapshots"]);
        var record = EntryRecord.FromJson(File.ReadAllBytes(Path.Combine(entries, template, "entry.json")))!;
        var manifest = File.ReadAllBytes(Path.Combine(entries, template, "manifest"));
        var usage = default(Usage).Touch(TimeProvider.System.GetUtcNow(), AnyHalfLife).ToBytes();
        for (var i = 1; i <= copies; i++)
        {
            var identity = DatasetIdentity.Create(origin.Identity, "datasets/other/", Other(i).Dataset);
            var entry = Directory.CreateDirectory(Path.Combine(entries, identity.ShortName)).FullName;
            File.WriteAllBytes(Path.Combine(entry, "entry.json"),
                (record with { CacheKey = identity.ShortName, Identity = identity.Canonical, SnapshotId = Other(i).Dataset.SnapshotId }).ToJson());
            File.WriteAllBytes(Path.Combine(entry, "manifest"), manifest);
            File.WriteAllBytes(Path.Combine(entry, "usage"), usage);
            File.WriteAllBytes(Path.Combine(entry, "lease"), []);
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(snapshots, identity.ShortName)).FullName, "readme.txt"), "Another dataset.");
        }
    }
}
