using DatasetCache.Cache.Tests.Integrity;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Transfers.Peers;

/// <summary>A node whose disk goes wrong under what it holds, beside others that hold the same.</summary>
public sealed class DamagedNodeTests : IAsyncDisposable
{
    private static readonly DatasetRef Cats = new() { SnapshotId = "snap_1", DatasetId = "cats", Selection = new Selection { Mode = SelectionMode.All } };
    private static readonly DatasetRef Dogs = Cats with { DatasetId = "dogs", SnapshotId = "snap_2" };
    private TestCluster? cluster;

    public async ValueTask DisposeAsync()
    {
        if (cluster is not null)
            await cluster.DisposeAsync();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IEnumerable<KeyValuePair<string, byte[]>> Contents(string prefix)
        => cluster!.Origin.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => KeyValuePair.Create(key[prefix.Length..], cluster.Origin.Content(key)));

    private FaultCase Begin(int number, TestCluster made, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        cluster = made;
        made.Origin.Put("datasets/cats/large.bin", MemoryOrigin.Bytes(1, 12_000_000));
        made.Origin.Put("datasets/cats/small.jpg", MemoryOrigin.Bytes(2, 40_000));
        made.Origin.Put("datasets/dogs/a.bin", MemoryOrigin.Bytes(3, 100_000));
        var fault = new FaultCase(number, test);
        fault.Guard(made.Folder.Path, made.Nodes.Select((_, i) => made.Folder[$"cache{i}"]));
        return fault;
    }

    private async Task EndAsync(FaultCase fault, string key, params DatasetLease[] leases)
    {
        foreach (var lease in leases)
        {
            fault.HandedOut(lease.SnapshotPath, Contents("datasets/cats/"));
            await lease.DisposeAsync();
        }
        // Each byte once, the broken ones too: they came from a neighbour.
        fault.ReadOnce(cluster!.Origin.Repeated);
        foreach (var node in cluster.Nodes.Where(node => node.Cache.Inspect(key) is not null))
        {
            fault.Whole((await node.Cache.VerifyAsync(key, new VerifyOptions { Level = VerifyLevel.Pieces, Heal = false }, Cancel))!.Outcome == VerifyOutcome.Sound, node.Id);
            node.Cache.Sweep(TimeSpan.Zero);
            fault.NoOrphans(Path.GetDirectoryName(Path.GetDirectoryName(leases[0].SnapshotPath))!);
        }
        fault.End();
    }

    [FaultTheory(8)]
    [InlineData("flipped")]
    [InlineData("truncated")]
    [InlineData("extended")]
    public async Task What_rots_at_rest_reaches_nobody_is_found_in_one_cycle_and_is_healed_by_a_neighbour(string how)
    {
        var fault = Begin(8, new TestCluster(3));
        var first = await cluster!.Nodes[0].GetAsync(Cats, Cancel);
        var second = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        var (read, broken) = (cluster.Origin.BytesServed, Path.Join(first.SnapshotPath, "large.bin"));
        File.SetUnixFileMode(broken, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var file = File.OpenHandle(broken, FileMode.Open, FileAccess.ReadWrite))
        {
            if (how is "flipped")
                RandomAccess.Write(file, new byte[9], 5_500_000);
            else
                RandomAccess.SetLength(file, how is "truncated" ? 7_000_000 : 12_000_001);
        }
        fault.Fired();

        // Nobody has looked yet, and the node is asked for its pieces: none of the broken ones is taken.
        var third = await cluster.Nodes[2].GetAsync(Cats, Cancel);
        fault.HandedOut(third.SnapshotPath, Contents("datasets/cats/"));
        var report = await cluster.Nodes[0].Cache.ScrubAsync(new ScrubOptions { All = true, Heal = false }, cancellationToken: Cancel);
        Assert.Equal((1, true), (report.Found, report.IsCycleOver));
        // Found, it is offered to nobody.
        Assert.Null(cluster.Nodes[0].Cache.Holdings.Describe(cluster.Keys.First(key => key.StartsWith("snap_1", StringComparison.Ordinal))).Replica);
        var healed = await fault.HealsAsync(() => cluster.Nodes[0].Cache.VerifyAsync(first.CacheKey, options: null, Cancel));
        Assert.Equal((VerifyOutcome.Healed, 0L), (healed!.Outcome, healed.BytesFromOrigin));
        Assert.Equal(read, cluster.Origin.BytesServed);
        await EndAsync(fault, first.CacheKey, first, second, third);
    }

    [Fault(6)]
    public async Task Blocks_that_a_disk_has_lost_cost_the_node_its_copy_and_neither_the_cluster_nor_its_other_datasets()
    {
        using var disk = await LoopDisk.TryCreateAsync(64 << 20, "-O", "^has_journal");
        Assert.SkipUnless(disk is not null, "needs root, mkfs.ext4 and a loop device");
        var fault = Begin(6, new TestCluster(3, options => options.Root!.EndsWith("cache0", StringComparison.Ordinal) ? options with { Root = Path.Join(disk.Path, "cache") } : options));
        var first = await cluster!.Nodes[0].GetAsync(Cats, Cancel);
        await using var other = await cluster.Nodes[0].GetAsync(Dogs, Cancel);
        var second = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        await disk.SyncAsync();
        var (path, full, read) = (Path.Join(first.SnapshotPath, "large.bin"), new FileInfo(disk.Image).Length, cluster.Origin.BytesServed);
        var end = await FailingDiskTests.LastBlockAsync(path);
        Assert.SkipUnless(end > 0, "filefrag is missing");
        // The disk below ends in the middle of the file: what lies behind reads as an error.
        using (var image = File.OpenHandle(disk.Image, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.SetLength(image, end - (2 * 1024 * 1024));
        FailingDiskTests.DropCaches(path);
        Assert.ThrowsAny<IOException>(() => File.ReadAllBytes(path));
        fault.Fired();

        Assert.Equal(VerifyOutcome.Withdrawn, (await cluster.Nodes[0].Cache.VerifyAsync(first.CacheKey, new VerifyOptions { Heal = false }, Cancel))!.Outcome);
        Assert.Null(cluster.Nodes[0].Cache.Holdings.Describe(cluster.Keys.First(key => key.StartsWith("snap_1", StringComparison.Ordinal))).Replica);
        var third = await cluster.Nodes[2].GetAsync(Cats, Cancel);
        Assert.DoesNotContain(cluster.Reads, asked => asked.From == "node2" && asked.To == "node0");
        fault.HandedOut(other.SnapshotPath, Contents("datasets/dogs/"));

        // The disk takes new blocks for the lost ones.
        using (var image = File.OpenHandle(disk.Image, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.SetLength(image, full);
        FailingDiskTests.DropCaches(path);
        var healed = await fault.HealsAsync(() => cluster.Nodes[0].Cache.VerifyAsync(first.CacheKey, options: null, Cancel));
        Assert.Equal((VerifyOutcome.Healed, 0L), (healed!.Outcome, healed.BytesFromOrigin));
        Assert.Equal(read, cluster.Origin.BytesServed);
        await EndAsync(fault, first.CacheKey, first, second, third);
    }

    /// <summary>Two seconds for each answer, as of a disk that takes them for a read.</summary>
    [Fault(7)]
    public async Task A_node_with_a_slow_disk_is_asked_for_little_of_what_another_has_too()
    {
        var fault = Begin(7, new TestCluster(3));
        for (var i = 0; i < 30; i++)
            cluster!.Origin.Put($"datasets/cats/more{i}.bin", MemoryOrigin.Bytes(10 + i, 1_100_000));
        var first = await cluster!.Nodes[0].GetAsync(Cats, Cancel);
        var second = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        var read = cluster.Origin.BytesServed;
        cluster.BeforePieces = async (node, _) =>
        {
            if (node != "node0")
                return;
            fault.Fired();
            await Task.Delay(TimeSpan.FromSeconds(2), Cancel);
        };
        var third = await fault.HealsAsync(() => cluster.Nodes[2].GetAsync(Cats, Cancel));
        var pieces = cluster.Reads.Where(asked => asked.From == "node2").GroupBy(asked => asked.To, asked => asked.Request.Count, StringComparer.Ordinal).ToDictionary(node => node.Key, node => node.Sum(), StringComparer.Ordinal);
        fault.Worst(100.0 * pieces.GetValueOrDefault("node0") / pieces.Values.Sum(), "% of the pieces from the slow node");
        Assert.True(pieces["node1"] > 2 * pieces.GetValueOrDefault("node0"), $"{pieces.GetValueOrDefault("node0")} pieces came from the slow node, {pieces["node1"]} from the other");
        Assert.Equal(read, cluster.Origin.BytesServed);
        await EndAsync(fault, first.CacheKey, first, second, third);
    }
}
