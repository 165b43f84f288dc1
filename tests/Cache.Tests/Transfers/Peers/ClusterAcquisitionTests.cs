using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Cache.Tests.Transfers.Peers;

/// <summary>Nodes that want the same dataset: the engine, the coordinator and the members together, without a network and without Orleans.</summary>
public sealed class ClusterAcquisitionTests : IAsyncDisposable
{
    private static readonly DatasetRef Cats = new() { SnapshotId = "snap_1", DatasetId = "cats", Selection = new Selection { Mode = SelectionMode.All } };
    private TestCluster cluster = new(4);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // Three large files, many small ones, an empty one.
    private void PutCats(int small = 60)
    {
        for (var i = 0; i < 3; i++)
            cluster.Origin.Put($"datasets/cats/large{i}.bin", MemoryOrigin.Bytes(i, 5_500_000 + i));
        for (var i = 0; i < small; i++)
            cluster.Origin.Put($"datasets/cats/images/{i:000}.jpg", MemoryOrigin.Bytes(100 + i, 40_000 + i));
        cluster.Origin.Put("datasets/cats/empty.txt", "");
    }

    private long Size(string prefix = "datasets/cats/") => Keys(prefix).Sum(key => (long)cluster.Origin.Content(key).Length);

    private IEnumerable<string> Keys(string prefix) => cluster.Origin.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal));

    private void AssertHolds(DatasetLease lease, string prefix = "datasets/cats/")
    {
        var found = Directory.EnumerateFiles(lease.Path, "*", SearchOption.AllDirectories).Select(file => prefix + Path.GetRelativePath(lease.Path, file)).Order(StringComparer.Ordinal);
        Assert.Equal(Keys(prefix).Order(StringComparer.Ordinal), found);
        foreach (var key in Keys(prefix))
            Assert.Equal(cluster.Origin.Content(key), File.ReadAllBytes(Path.Join(lease.Path, key[prefix.Length..])));
    }

    private void AssertReadOnce()
    {
        Assert.True(cluster.Origin.ServedEachByteOnce());
        Assert.Equal(Size(), cluster.Origin.BytesServed);
    }

    [Fault(17)]
    public async Task Sixty_four_clients_on_eight_nodes_that_ask_at_once_read_each_byte_from_the_origin_once()
    {
        await cluster.DisposeAsync();
        cluster = new TestCluster(8);
        var fault = new FaultCase(17);
        fault.Guard(cluster.Folder.Path, cluster.Nodes.Select((_, i) => cluster.Folder[$"cache{i}"]));
        PutCats();
        var leases = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => cluster.Nodes[i % 8].GetAsync(Cats, Cancel)));
        fault.Fired(leases.Length);
        Assert.Equal((Size(), 1), (cluster.Origin.BytesServed, cluster.Origin.Listings));
        foreach (var lease in leases)
            await lease.DisposeAsync();
        EndWith(fault, leases);
    }

    // What everybody was given, and what is left in the nodes' staging.
    private void EndWith(FaultCase fault, IEnumerable<DatasetLease> leases, long allowed = 0)
    {
        foreach (var path in leases.Select(lease => lease.SnapshotPath).Distinct(StringComparer.Ordinal))
            fault.HandedOut(path, Keys("datasets/cats/").Select(key => KeyValuePair.Create(key["datasets/cats/".Length..], cluster.Origin.Content(key))));
        fault.ReadOnce(cluster.Origin.Repeated, allowed);
        foreach (var (node, i) in cluster.Nodes.Select((node, i) => (node, i)))
        {
            node.Cache.Sweep(TimeSpan.Zero);
            if (Directory.Exists(cluster.Folder[$"cache{i}/staging"]))
                fault.NoOrphans(cluster.Folder[$"cache{i}"]);
        }
        fault.End();
    }

    [Fact]
    [Trait("Fault", "17")]
    public async Task Four_nodes_that_ask_at_once_read_each_byte_from_the_origin_once()
    {
        PutCats();
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(Cats, Cancel)));
        AssertReadOnce();
        Assert.Equal(1, cluster.Origin.Listings);
        foreach (var lease in leases)
        {
            AssertHolds(lease);
            await lease.DisposeAsync();
        }
        Assert.Equal(Size(), leases.Sum(lease => lease.BytesFromOrigin));
        Assert.Equal(3 * Size(), leases.Sum(lease => lease.BytesFromPeers));
    }

    [Fact]
    public async Task All_nodes_take_part_in_reading_the_origin()
    {
        PutCats(small: 600);
        cluster.Origin.BeforeBytes = async (_, _, _, cancel) =>
        {
            // No byte before all have joined: who comes late has nothing left to read.
            while (!cluster.Keys.Any(key => cluster.State(key).Plans.Any(plan => plan.MemberCount == 4)))
                await Task.Delay(5, cancel);
            await Task.Delay(5, cancel);
        };
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(Cats, Cancel)));
        Assert.All(leases, lease => Assert.True(lease.BytesFromOrigin > 0));
        AssertReadOnce();
    }

    [Fact]
    public async Task Only_annotated_images_are_fetched_and_the_annotations_once()
    {
        CocoDataset.Create(cluster.Folder["coco"], images: 50, annotated: 20);
        foreach (var path in Directory.EnumerateFiles(cluster.Folder["coco"], "*", SearchOption.AllDirectories))
            cluster.Origin.Put("datasets/coco/" + Path.GetRelativePath(cluster.Folder["coco"], path), await File.ReadAllBytesAsync(path, Cancel));
        var coco = new DatasetRef { SnapshotId = "snap_2", DatasetId = "coco" };
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(coco, Cancel)));
        Assert.True(cluster.Origin.ServedEachByteOnce());
        Assert.All(leases, lease => Assert.Equal(20, Directory.EnumerateFiles(Path.Join(lease.Path, "images")).Count()));
        // Somebody who asks later is told what was chosen, and by whom it can be had.
        var before = cluster.Origin.BytesServed;
        await leases[3].DisposeAsync();
        await cluster.Nodes[3].Cache.EvictAsync(leases[3].CacheKey, dryRun: false, Cancel);
        await using var again = await cluster.Nodes[3].GetAsync(coco, Cancel);
        Assert.Equal((before, 1), (cluster.Origin.BytesServed, cluster.Origin.Listings));
        Assert.Equal(leases[0].Files, again.Files);
    }

    [Fact]
    public async Task A_node_that_asks_later_copies_from_its_neighbours_alone()
    {
        PutCats();
        await using (await cluster.Nodes[0].GetAsync(Cats, Cancel))
        await using (await cluster.Nodes[1].GetAsync(Cats, Cancel))
        {
            AssertReadOnce();
            await using var late = await cluster.Nodes[2].GetAsync(Cats, Cancel);
            AssertHolds(late);
            AssertReadOnce();
            Assert.Equal((0L, Size()), (late.BytesFromOrigin, late.BytesFromPeers));
            Assert.Equal(1, cluster.Origin.Listings);
        }
    }

    [Fact]
    public async Task After_everybody_restarted_and_no_coordinator_remembers_a_late_node_still_copies_from_its_neighbours()
    {
        PutCats();
        await (await cluster.Nodes[0].GetAsync(Cats, Cancel)).DisposeAsync();
        await cluster.Nodes[0].RestartAsync();
        cluster.ForgetCoordinators();
        await using var late = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        AssertHolds(late);
        AssertReadOnce();
    }

    [Fact]
    [Trait("Fault", "11")]
    public async Task A_coordinator_that_is_lost_in_the_middle_is_followed_by_one_that_learns_what_is_there()
    {
        PutCats();
        var half = Size() / 2;
        var lost = 0;
        cluster.Origin.BeforeBytes = async (_, _, _, cancel) =>
        {
            await Task.Delay(2, cancel);
            if (cluster.Origin.BytesServed > half && Interlocked.Exchange(ref lost, 1) == 0)
            {
                cluster.CoordinatorIsAway = true;
                cluster.ForgetCoordinators();
                _ = Task.Delay(700, CancellationToken.None).ContinueWith(_ => cluster.CoordinatorIsAway = false, TaskScheduler.Default);
            }
        };
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(Cats, Cancel)));
        Assert.Equal(1, lost);
        Assert.All(leases, lease => AssertHolds(lease));
        AssertReadOnce();
    }

    [Fact]
    public async Task Of_a_new_version_only_what_changed_is_read_and_by_one_node()
    {
        PutCats();
        foreach (var node in cluster.Nodes.Take(2))
            await (await node.GetAsync(Cats, Cancel)).DisposeAsync();
        cluster.Origin.ForgetServed();
        cluster.Origin.Put("datasets/cats/images/007.jpg", MemoryOrigin.Bytes(7, 41_000));
        cluster.Origin.Put("datasets/cats/images/055.jpg", MemoryOrigin.Bytes(8, 39_000));
        var second = Cats with { SnapshotId = "snap_2" };
        var leases = await Task.WhenAll(cluster.Nodes.Take(2).Select(node => node.GetAsync(second, Cancel)));
        Assert.All(leases, lease => AssertHolds(lease));
        Assert.Equal(80_000, cluster.Origin.BytesServed);
        // A node that has nothing gets it from those who do.
        await using var late = await cluster.Nodes[3].GetAsync(second, Cancel);
        AssertHolds(late);
        Assert.Equal(80_000, cluster.Origin.BytesServed);
    }

    [FaultTheory(15)]
    [InlineData("lies")]
    [InlineData("breaks off")]
    public async Task Pieces_of_a_lying_node_are_not_taken_and_come_from_others(string how)
    {
        var fault = new FaultCase(15);
        fault.Guard(cluster.Folder.Path, cluster.Nodes.Select((_, i) => cluster.Folder[$"cache{i}"]));
        PutCats(small: 600);
        await (await cluster.Nodes[0].GetAsync(Cats, Cancel)).DisposeAsync();
        await (await cluster.Nodes[1].GetAsync(Cats, Cancel)).DisposeAsync();
        cluster.Bend = (node, _, _, bytes) =>
        {
            if (node != "node0" || bytes.Length == 0)
                return;
            fault.Fired();
            if (how is "breaks off")
                throw new PeerException(PieceFailure.Unreachable, "It broke off.");
            bytes[bytes.Length / 2] ^= 1;
        };
        await using var late = await fault.HealsAsync(() => cluster.Nodes[2].GetAsync(Cats, Cancel));
        AssertReadOnce();
        // Left alone for a while: the rest is asked of the other.
        var asked = cluster.Reads.Where(read => read.From == "node2").ToArray();
        fault.Worst(asked.Count(read => read.To == "node0"), "requests to the liar");
        Assert.InRange(asked.Count(read => read.To == "node0"), 1, 8);
        Assert.Contains(asked, read => read.To == "node1");
        EndWith(fault, [late]);
    }

    [Fact]
    public async Task Where_nobody_hands_a_manifest_over_a_node_lists_for_itself_and_shares_the_pieces_all_the_same()
    {
        PutCats();
        await (await cluster.Nodes[0].GetAsync(Cats, Cancel)).DisposeAsync();
        cluster.Mute.Add("node0");
        await using var late = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        AssertHolds(late);
        Assert.Equal(2, cluster.Origin.Listings);
        AssertReadOnce();
    }

    [Fact]
    public async Task A_mutable_dataset_is_listed_once_for_all_nodes()
    {
        PutCats();
        var latest = Cats with { SnapshotId = null };
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(latest, Cancel)));
        Assert.All(leases, lease => AssertHolds(lease));
        Assert.Equal(1, cluster.Origin.Listings);
        AssertReadOnce();
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task When_the_source_changes_in_the_middle_all_nodes_start_over_with_one_version()
    {
        PutCats();
        var changed = 0;
        cluster.Origin.BeforeRead = (key, _, _) =>
        {
            if (key == "datasets/cats/large1.bin" && Interlocked.Exchange(ref changed, 1) == 0)
            {
                cluster.Origin.Put("datasets/cats/large1.bin", MemoryOrigin.Bytes(77, 5_400_000));
                cluster.Origin.Put("datasets/cats/images/059.jpg", MemoryOrigin.Bytes(78, 10_000));
            }
            return ValueTask.CompletedTask;
        };
        var leases = await Task.WhenAll(cluster.Nodes.Select(node => node.GetAsync(Cats, Cancel)));
        Assert.Equal(1, changed);
        Assert.All(leases, lease => AssertHolds(lease));
    }

    [Fact]
    public async Task What_a_node_finds_broken_is_offered_no_longer_and_offered_again_once_it_is_whole()
    {
        PutCats();
        await using var lease = await cluster.Nodes[0].GetAsync(Cats, Cancel);
        Damage(Path.Join(lease.Path, "large0.bin"));
        var report = await cluster.Nodes[0].Cache.VerifyAsync(lease.CacheKey, new VerifyOptions { Heal = false }, Cancel);
        Assert.Equal(VerifyOutcome.Withdrawn, report!.Outcome);
        Assert.Null(cluster.Nodes[0].Cache.Holdings.Describe(cluster.Keys.Single()).Replica);
        await cluster.Nodes[0].Cache.VerifyAsync(lease.CacheKey, options: null, Cancel);
        Assert.NotNull(cluster.Nodes[0].Cache.Holdings.Describe(cluster.Keys.Single()).Replica);
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task What_is_broken_is_healed_from_a_neighbour_without_the_origin()
    {
        PutCats();
        await using var lease = await cluster.Nodes[0].GetAsync(Cats, Cancel);
        await using (await cluster.Nodes[1].GetAsync(Cats, Cancel))
        {
            cluster.Origin.ForgetServed();
            Damage(Path.Join(lease.Path, "large0.bin"));
            Truncate(Path.Join(lease.Path, "images/003.jpg"));
            var result = await cluster.Nodes[0].Cache.VerifyAsync(lease.CacheKey, options: null, Cancel);
            Assert.Equal((VerifyOutcome.Healed, 0), (result!.Outcome, result.BytesFromOrigin));
            Assert.Equal(0, cluster.Origin.BytesServed);
            AssertHolds(lease);
        }
    }

    [Fact]
    public async Task Under_pressure_what_a_neighbour_has_too_goes_before_somewhat_older_entries_that_nobody_else_has()
    {
        await cluster.DisposeAsync();
        cluster = new TestCluster(2, options => options with { MaxSize = 60_000_000, LowMarkPercent = 100 });
        PutCats();
        cluster.Origin.Put("datasets/birds/a.bin", MemoryOrigin.Bytes(5, 20_000_000));
        cluster.Origin.Put("datasets/frogs/a.bin", MemoryOrigin.Bytes(6, 25_000_000));
        var birds = await cluster.Nodes[0].GetAsync(Cats with { DatasetId = "birds" }, Cancel);
        await birds.DisposeAsync();
        await (await cluster.Nodes[0].GetAsync(Cats, Cancel)).DisposeAsync();
        var cats = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        await cats.DisposeAsync();
        foreach (var node in cluster.Nodes.AsEnumerable().Reverse())
            await node.Cache.AnnounceAllAsync(Cancel);
        UsedAgo(birds.CacheKey, TimeSpan.FromMinutes(100));
        UsedAgo(cats.CacheKey, TimeSpan.FromMinutes(90));
        await (await cluster.Nodes[0].GetAsync(Cats with { DatasetId = "frogs" }, Cancel)).DisposeAsync();
        Assert.NotNull(cluster.Nodes[0].Cache.Inspect(birds.CacheKey));
        Assert.Null(cluster.Nodes[0].Cache.Inspect(cats.CacheKey));
        // The one that is left is not given up on the strength of the one that went.
        Assert.False(await cluster.Nodes[1].Cache.MayEvictAsync(cats.CacheKey, redundant: true, Cancel));
    }

    private void UsedAgo(string key, TimeSpan ago)
        => File.WriteAllBytes(cluster.Folder[$"cache0/entries/{key}/usage"], new Usage(TimeProvider.System.GetUtcNow() - ago, 1, 1).ToBytes());

    private static void Truncate(string path)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, 17);
    }

    private static void Damage(string path)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        var one = new byte[1];
        RandomAccess.Read(file, one, 1_500_000);
        one[0] ^= 1;
        RandomAccess.Write(file, one, 1_500_000);
    }
}
