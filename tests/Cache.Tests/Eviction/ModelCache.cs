using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Eviction;

/// <summary>
/// A real cache, and beside it what must be true of it: which entries something protects, which files each has, how large the quota is. Every step
/// is followed by a look at the disk.
/// </summary>
internal sealed class ModelCache : IDisposable
{
    private const int Datasets = 4;
    private const int Versions = 4;
    private readonly TempFolder folder = new(Directory.Exists("/dev/shm") ? "/dev/shm" : null);
    private readonly MemoryOrigin origin = new();
    private readonly FakeTime time = new();
    private readonly List<LocalDatasetCache> opened = [];
    private readonly List<(DatasetLease Lease, string Name)> leases = [];
    private readonly Dictionary<int, string> links = [];
    private readonly HashSet<string> pins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> holds = new(StringComparer.Ordinal);
    // What a name (dN/vM) was published as, while it is known to be there.
    private readonly Dictionary<string, string> keys = new(StringComparer.Ordinal);
    private long quota = 120_000;
    private long usedBefore;
    private bool downloadsLeft;
    private LocalDatasetCache cache;

    public ModelCache() => cache = Open();

    public int Misses { get; private set; }

    public int Evictions { get; private set; }

    public int Refusals { get; private set; }

    public int Crashes { get; private set; }

    private LocalDatasetCache Open()
    {
        var next = LocalDatasetCache.Open(
            new CacheOptions { Root = folder["cache"], MaxSize = quota, MinFree = DiskFloor.OfBytes(0), Durable = false, Concurrency = 2, Attempts = 1 }, origin, time);
        next.Evicted += (_, gone) =>
        {
            Evictions++;
            var name = keys.Single(pair => pair.Value == gone.CacheKey).Key;
            Assert.False(IsProtected(name), $"{name} was evicted ({gone.Cause}) although it is protected");
            keys.Remove(name);
        };
        opened.Add(next);
        return next;
    }

    public void Step(int random)
    {
        var (action, a, b) = (random % 100, random / 100 % 1000, random / 100_000 % 1000);
        var name = $"d{a % Datasets}/v{b % Versions}";
        var changes = true;
        switch (action)
        {
            case < 5:
                Acquire(name, a / 4, b / 4);
                break;
            case < 22:
                // Downloads cost most of the time; what is there is asked for more often than what is not.
                changes = false;
                if (keys.Count > 0)
                    Acquire(keys.Keys.Order(StringComparer.Ordinal).ElementAt(a % keys.Count), a / 20, b / 4);
                break;
            case < 45:
                changes = false;
                if (leases.Count > 0)
                    EndLease(a % leases.Count);
                break;
            case < 60:
                changes = false;
                Unlink(a % 3, b);
                break;
            case < 65:
                changes = false;
                if (keys.TryGetValue(name, out var toPin) && cache.Pin(toPin))
                    pins.Add(name);
                break;
            case < 77:
                changes = false;
                if (pins.Count > 0)
                    Unpin(pins.Order(StringComparer.Ordinal).ElementAt(a % pins.Count));
                break;
            case < 87:
                Evict(name);
                break;
            case < 88:
                Prune(a);
                break;
            case < 90:
                quota = 30_000 + (a % 10 * 15_000);
                Reopen(crash: false);
                break;
            case < 97:
                changes = false;
                time.Advance(TimeSpan.FromHours(a % 12));
                break;
            case < 98:
                Interrupt(name);
                break;
            case < 99:
                Crash();
                break;
            default:
                Reopen(crash: false);
                break;
        }
        LookForEntries();
        if (changes)
            LookAtSpace();
    }

    // Two files that all versions of a dataset have, one that this version has alone.
    private static (string Path, int Seed, int Size)[] FilesOf(string name)
    {
        var (dataset, version) = (name[1] - '0', name[^1] - '0');
        return [("a.bin", 10 + dataset, 9_000 + (dataset * 4_000)), ("m/s.bin", 20 + dataset, 2_000), ("own.bin", 1_000 + (dataset * 10) + version, 5_000 + (version * 3_000))];
    }

    private AcquireRequest Put(string name)
    {
        foreach (var (path, seed, size) in FilesOf(name))
            origin.Put($"datasets/{name[..2]}/{path}", Content(seed, size));
        return new AcquireRequest
        {
            Dataset = new DatasetRef { SnapshotId = "snap_" + name[^2..], DatasetId = name[..2], Selection = new Selection { Mode = SelectionMode.All } },
        };
    }

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(int, int), byte[]> Contents = new();

    private static byte[] Content(int seed, int size) => Contents.GetOrAdd((seed, size), key => MemoryOrigin.Bytes(key.Item1, key.Item2));

    private static long Bytes(IEnumerable<string> names)
        => names.SelectMany(name => FilesOf(name).Select(file => (Key: file.Path == "own.bin" || file.Size < 4096 ? name + file.Path : name[..2] + file.Path, Bytes: (file.Size + 4095L) / 4096 * 4096)))
            .DistinctBy(file => file.Key).Sum(file => file.Bytes);

    private bool IsProtected(string name) => pins.Contains(name) || links.ContainsValue(name) || leases.Any(lease => lease.Name == name) || (holds.TryGetValue(name, out var until) && time.GetUtcNow() < until);

    private void Acquire(string name, int how, int more)
    {
        var request = Put(name);
        int? job = how % 4 == 0 ? more % 3 : null;
        TimeSpan? hold = how % 4 == 1 ? TimeSpan.FromHours(1 + (more % 8)) : null;
        if (job is { } number)
        {
            // Re-linked: the job lets go of what it had.
            request = request with { JobDirectory = folder[$"job{number}"] };
        }
        try
        {
            var lease = Run(cache.AcquireAsync(request with { Hold = hold }));
            if (lease.Outcome == AcquireOutcome.Miss)
                Misses++;
            else
                Assert.True(keys.ContainsKey(name), $"{name} is a hit and was not there");
            keys[name] = lease.CacheKey;
            leases.Add((lease, name));
            if (job is { } linked)
                links[linked] = name;
            if (hold is { } duration && (!holds.TryGetValue(name, out var earlier) || earlier < time.GetUtcNow() + duration))
                holds[name] = time.GetUtcNow() + duration;
            if (how % 4 != 3)
                EndLease(leases.Count - 1);
        }
        catch (NoSpaceException e)
        {
            Refusals++;
            Assert.False(e.IsDiskFull, e.Message);
            // As they lie on the disk: a resumed download has fetched for itself what others have by now.
            var kept = keys.Keys.Where(other => other != name && IsProtected(other)).ToArray();
            var needed = Bytes(kept.Append(name)) - Bytes(kept);
            Assert.True(DiskUse.Of(folder["cache"], [.. kept.Select(other => "snapshots/" + keys[other])]) + needed > quota, $"{name} was refused although it fits beside what is protected: {e.Message}");
        }
    }

    private void EndLease(int index)
    {
        Run(leases[index].Lease.DisposeAsync().AsTask());
        leases.RemoveAt(index);
    }

    private void Unlink(int job, int how)
    {
        if (!links.Remove(job))
            return;
        if (how % 2 == 0)
            cache.Release(folder[$"job{job}"]);
        else
            File.Delete(folder[$"job{job}/dataset"]);
    }

    private void Unpin(string name)
    {
        Assert.True(cache.Unpin(keys[name]));
        pins.Remove(name);
        holds.Remove(name); // Unpin ends holds too.
    }

    private void Evict(string name)
    {
        if (!keys.TryGetValue(name, out var key))
            return;
        var mayGo = !IsProtected(name);
        var result = Run(cache.EvictAsync(key));
        Assert.Equal(mayGo ? EvictionOutcome.Evicted : EvictionOutcome.Protected, result.Outcome);
        Assert.Equal(!mayGo, cache.Explain(key) is not null);
    }

    private void Prune(int how)
    {
        var unprotected = keys.Keys.Where(name => !IsProtected(name)).ToArray();
        Run(cache.PruneAsync(how % 3 == 0 ? new PruneFilter { All = true } : how % 3 == 1 ? new PruneFilter { Expired = true } : new PruneFilter { Orphaned = true }));
        if (how % 3 == 0)
            Assert.DoesNotContain(unprotected, keys.ContainsKey);
    }

    // A download that dies half-way and leaves its staging area.
    private void Interrupt(string name)
    {
        origin.Trim = (key, _, count) => key.EndsWith("own.bin", StringComparison.Ordinal) ? throw new InvalidOperationException("cut") : count;
        try
        {
            Acquire(name, 2, 0);
        }
        catch (InvalidOperationException)
        {
            downloadsLeft = true;
        }
        finally
        {
            origin.Trim = null;
        }
    }

    // The process dies: its locks are free, nothing else is in order. An eviction of its may have been half-way.
    private void Crash()
    {
        Crashes++;
        while (leases.Count > 0)
            EndLease(0);
        if (keys.Keys.Where(name => !IsProtected(name)).Order(StringComparer.Ordinal).FirstOrDefault() is { } dying)
        {
            var (staging, key) = (folder["cache/staging"], keys[dying]);
            // As after the tree was taken away and before entries/KEY was: what others share with it was charged to them before.
            var calls = 0;
            var failing = new DatasetCache.Store.FileSystem(call => call is "unlink" && ++calls > 0 ? 5 : 0);
            using var root = new Closing(LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MaxSize = quota, MinFree = DiskFloor.OfBytes(0), Durable = false }, origin, time, failing));
            Assert.ThrowsAny<DatasetCacheException>(() => Run(root.Cache.EvictAsync(key)));
            // Where dead downloads had links to its files it died before it began.
            if (!Directory.Exists(folder[$"cache/snapshots/{key}"]))
            {
                Assert.NotEmpty(Directory.EnumerateDirectories(staging, "~evicted-*"));
                keys.Remove(dying);
                Evictions++;
            }
        }
        Reopen(crash: true);
    }

    private void Reopen(bool crash)
    {
        if (!crash)
        {
            while (leases.Count > 0)
                EndLease(0);
            Run(cache.DisposeAsync().AsTask());
            opened.Remove(cache);
        }
        cache = Open();
    }

    private void LookForEntries()
    {
        foreach (var (name, key) in keys)
        {
            foreach (var (path, _, size) in IsProtected(name) ? FilesOf(name) : [])
                Assert.Equal(size, new FileInfo(folder[$"cache/snapshots/{key}/{path}"]) is { Exists: true } file ? file.Length : -1);
        }
    }

    private void LookAtSpace()
    {
        var used = DiskUse.Of(folder["cache"]);
        // A quota that was lowered is kept from the next download on; until then nothing is added.
        Assert.True(used <= Math.Max(quota, usedBefore), $"{used} bytes are used, {usedBefore} were before, the quota is {quota}");
        var counted = cache.Space().Used;
        Assert.True(counted >= used, $"{counted} bytes are counted and {used} are used");
        if (!downloadsLeft && !Directory.EnumerateDirectories(folder["cache/staging"], "~evicted-*").Any())
            Assert.Equal(Bytes(keys.Keys), counted);
        usedBefore = used;
    }

#pragma warning disable VSTHRD002 // FsCheck's properties are synchronous, and no test runs in a synchronization context.
    private static T Run<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static void Run(Task task) => task.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002

    public void Dispose()
    {
        while (leases.Count > 0)
            EndLease(0);
        foreach (var each in opened)
            Run(each.DisposeAsync().AsTask());
        folder.Dispose();
    }

    private sealed class Closing(LocalDatasetCache cache) : IDisposable
    {
        public LocalDatasetCache Cache { get; } = cache;

        public void Dispose() => Run(Cache.DisposeAsync().AsTask());
    }
}
