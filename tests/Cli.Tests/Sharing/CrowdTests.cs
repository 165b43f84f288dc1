using System.Security.Cryptography;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Sharing;

/// <summary>Many processes of two users on one root that holds half of what they want.</summary>
public sealed class CrowdTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Datasets = 4, Rounds = 6, Workers = 4;
    private const long Quota = 7 * MiB; // two of four and what is being fetched
    private readonly Lab lab = new();

    public void Dispose() => lab.Dispose();

    [Fact]
    [Trait("Fault", "18")]
    public async Task No_process_of_either_user_sees_a_wrong_byte_overruns_the_quota_or_waits_for_ever()
    {
        lab.ShareRoot();
        var sources = new string[Datasets];
        var sums = new string[Datasets];
        for (var i = 0; i < Datasets; i++)
        {
            var content = MemoryOrigin.Bytes(i, 2 * MiB);
            sources[i] = lab.MakeFolder($"set-{i}", ("deep/a.bin", content[..MiB]), ("b.bin", content[MiB..]));
            sums[i] = Convert.ToHexStringLower(SHA256.HashData(content));
        }
        lab.Dscache.Environment["DSCACHE_MAX_SIZE"] = $"{Quota}";
        lab.Dscache.Environment["DSCACHE_DURABLE"] = "false";
        // The locks are there from now on, made by a member: the watcher below is root.
        Assert.Equal(0, (await lab.GetAsync(Lab.Ann, sources[0])).ExitCode);
        Assert.Equal(0, (await lab.RunAsync(Lab.Ann, "077", "release", lab.Job(Lab.Ann))).ExitCode);

        using var stop = new CancellationTokenSource();
        var watching = WatchAsync(stop.Token);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => WorkAsync(worker, sources, sums)));
        await stop.CancelAsync();
        var (most, looks) = await watching;

        Assert.InRange(most, 1, Quota);
        Assert.True(looks > 10, $"the quota was looked at {looks} times");
        Assert.True(outcomes.Sum() > Datasets, "nobody had to evict: the cache was too large for this test");
        lab.AssertIsTheGroups();
        Assert.Equal(["naming.lock", "space.lock"], Directory.EnumerateFileSystemEntries(Path.Combine(lab.Root, "staging")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(lab.Root, "quarantine")));
        // No lock is stuck, and everything can still be evicted by either.
        Assert.Equal(0, (await lab.RunAsync(Lab.Bob, "022", "prune", "--all", "-y")).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(lab.Root, "snapshots")));
    }

    // How many of its runs were a miss.
    private async Task<int> WorkAsync(int worker, string[] sources, string[] sums)
    {
        var (user, umask) = worker % 2 == 0 ? (Lab.Ann, "077") : (Lab.Bob, "022");
        var random = new Random(worker);
        var misses = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var wanted = random.Next(sources.Length);
            Result result;
            do
            {
                using var process = lab.Start(user, umask, "run", sources[wanted], "--json", "-q", "--", "sh", "-c", "cat ${DATASET_PATH}/deep/a.bin ${DATASET_PATH}/b.bin | sha256sum");
                result = await process.WaitAsync();
            }
            // All others may be in use at the moment.
            while (result.ExitCode == ExitCode.NoSpace);
            Assert.True(result.ExitCode == 0, $"worker {worker}, round {round}: {result.ExitCode} {result.Error}");
            Assert.StartsWith(sums[wanted], result.Out, StringComparison.Ordinal);
            misses += result.Error.Contains("\"outcome\":\"miss\"", StringComparison.Ordinal) ? 1 : 0;
        }
        return misses;
    }

    // While the space lock is held nobody evicts or reserves: what is on the disk must be within the quota, reservations that are being used up included.
    private async Task<(long Most, int Looks)> WatchAsync(CancellationToken cancellationToken)
    {
        using var root = new FileSystem().OpenRoot(lab.Root);
        using var staging = root.OpenDirectory("staging");
        var (most, looks) = (0L, 0);
        while (!cancellationToken.IsCancellationRequested)
        {
            using (await FileLock.TakeAsync(staging, "space.lock", TimeSpan.FromSeconds(60), TimeProvider.System, CancellationToken.None))
            {
                var inodes = new Dictionary<ulong, long>();
                foreach (var room in (string[])["snapshots", "staging", "quarantine"])
                    Add(root, room, inodes);
                most = Math.Max(most, inodes.Values.Sum());
                looks++;
            }
            await Task.Yield();
        }
        return (most, looks);
    }

    private static void Add(DirectoryHandle parent, string name, Dictionary<ulong, long> inodes)
    {
        try
        {
            using var directory = parent.TryOpenDirectory(name);
            foreach (var (child, isDirectory) in directory?.List() ?? [])
            {
                if (isDirectory)
                    Add(directory!, child, inodes);
                else if (child.EndsWith(".bin", StringComparison.Ordinal) && directory!.Status(child) is { } status)
                    inodes[status.Inode] = status.AllocatedBytes;
            }
        }
        catch (IOException)
        {
            // It went while we looked.
        }
    }
}
