using System.Globalization;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Bench;

/// <summary>A cache with a given number of entries, one of which has a given number of files.</summary>
public sealed class FilledCache : IAsyncDisposable
{
    private static readonly TimeSpan AnyHalfLife = TimeSpan.FromHours(24);
    private readonly TempFolder folder;
    private readonly MemoryOrigin origin = new();

    private FilledCache(TempFolder folder)
    {
        this.folder = folder;
        Cache = Open();
    }

    public LocalDatasetCache Cache { get; }

    public string Root => folder["cache"];

    /// <summary>Another one over the same root, as another process would have it.</summary>
    public LocalDatasetCache Open(Func<CacheOptions, CacheOptions>? change = null)
    {
        var options = new CacheOptions { Root = Root, MinFree = DiskFloor.OfBytes(0), Durable = false };
        return LocalDatasetCache.Open(change?.Invoke(options) ?? options, origin);
    }

    public string Job(int number) => folder[string.Create(CultureInfo.InvariantCulture, $"jobs/{number}")];

    /// <param name="files">Files of the dataset that is asked for.</param>
    /// <param name="entries">How many entries there are, that one and others.</param>
    /// <param name="filesOfOthers">Files of each of the others.</param>
    public static async Task<FilledCache> CreateAsync(int files, int entries, int filesOfOthers = 1)
    {
        var filled = new FilledCache(new TempFolder(Environment.GetEnvironmentVariable("BENCH_DIR")));
        for (var i = 0; i < files; i++)
            filled.origin.Put(string.Create(CultureInfo.InvariantCulture, $"datasets/measured/part_{i / 1000:d3}/img_{i:d6}.jpg"), MemoryOrigin.Bytes(i, 64));
        for (var i = 0; i < filesOfOthers; i++)
            filled.Put(0, i);
        await filled.AcquireAsync();
        await filled.AcquireOtherAsync(0);
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

    /// <summary>One of the others: those up to the number of entries are there.</summary>
    public async Task<AcquireOutcome> AcquireOtherAsync(int number, LocalDatasetCache? cache = null)
    {
        Put(number, 0);
        await using var lease = await (cache ?? Cache).AcquireAsync(Other(number));
        return lease.Outcome;
    }

    private void Put(int number, int file) => origin.Put(string.Create(CultureInfo.InvariantCulture, $"{Prefix(number)}img_{file:d4}.jpg"), MemoryOrigin.Bytes(file, 64));

    // Ten versions of each of a thousand datasets.
    private static string Dataset(int number) => string.Create(CultureInfo.InvariantCulture, $"other_{number % 1000:d3}");

    private static string Prefix(int number) => $"datasets/{Dataset(number)}/";

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
            DatasetId = Dataset(number),
            Selection = new Selection { Mode = SelectionMode.All },
        },
    };

    // Written as a publish leaves them: 10,000 real acquires would take the better part of an hour, because each reads every entry to count
    // what is used.
    private void Multiply(int copies)
    {
        var template = Cache.List().Single(entry => string.Equals(entry.DatasetId, Dataset(0), StringComparison.Ordinal)).CacheKey;
        var entries = folder["cache/entries"];
        var record = EntryRecord.FromJson(File.ReadAllBytes(Path.Combine(entries, template, "entry.json")))!;
        var manifest = File.ReadAllBytes(Path.Combine(entries, template, "manifest"));
        var usage = default(Usage).Touch(TimeProvider.System.GetUtcNow(), AnyHalfLife).ToBytes();
        using var root = CacheRoot.Open(Root);
        using var source = root.Snapshots.OpenDirectory(template);
        for (var i = 1; i <= copies; i++)
        {
            var identity = DatasetIdentity.Create(origin.Identity, Prefix(i), Other(i).Dataset);
            var entry = Directory.CreateDirectory(Path.Combine(entries, identity.ShortName)).FullName;
            File.WriteAllBytes(Path.Combine(entry, "entry.json"),
                (record with { CacheKey = identity.ShortName, Identity = identity.Canonical, SnapshotId = Other(i).Dataset.SnapshotId, DatasetId = Dataset(i), Prefix = Prefix(i) }).ToJson());
            File.WriteAllBytes(Path.Combine(entry, "manifest"), manifest);
            File.WriteAllBytes(Path.Combine(entry, "usage"), usage);
            File.WriteAllBytes(Path.Combine(entry, "lease"), []);
            root.Snapshots.MakeDirectories(identity.ShortName);
            using var tree = root.Snapshots.OpenDirectory(identity.ShortName);
            Fill(source, tree);
        }
    }

    // One file of each entry is its own. Where there are many, the others are names of the same: ten million inodes would measure how they are made.
    private static void Fill(DirectoryHandle source, DirectoryHandle tree)
    {
        foreach (var (name, _) in source.List())
        {
            if (string.Equals(name, "img_0000.jpg", StringComparison.Ordinal))
            {
                using var own = tree.Create(name, 0x124);
                own.Write(MemoryOrigin.Bytes(0, 64), 0);
            }
            else if (source.TryLink(name, tree, name) is not 0 and var errno)
            {
                throw new StorageException($"link {tree.Path}/{name}", errno);
            }
        }
    }
}
