using DatasetCache.Cache.Tests.Transfers.Peers;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Transfers.Lazy;

/// <summary>Nodes of a cluster that read a dataset piece by piece: from each other, and what nobody has from the origin once.</summary>
public sealed class ClusterReadingTests : IAsyncDisposable
{
    private const int Mebibyte = 1024 * 1024;
    private static readonly DatasetRef Cats = new() { SnapshotId = "snap_1", DatasetId = "cats", Selection = new Selection { Mode = SelectionMode.All } };
    private readonly TestCluster cluster = new(4);

    public ClusterReadingTests()
    {
        for (var i = 0; i < 2; i++)
            cluster.Origin.Put($"datasets/cats/large{i}.bin", MemoryOrigin.Bytes(i, (24 * Mebibyte) + 5));
        for (var i = 0; i < 60; i++)
            cluster.Origin.Put($"datasets/cats/images/{i:000}.jpg", MemoryOrigin.Bytes(100 + i, 40_000 + i));
        cluster.Origin.Put("datasets/cats/empty.txt", "");
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<string> OpenAsync(TestCluster.Node node) => (await node.Cache.OpenAsync(new AcquireRequest { Dataset = Cats }, Cancel)).CacheKey;

    private static async Task<byte[]> ReadAsync(TestCluster.Node node, string key, string path, long from, int count)
    {
        using var reading = node.Cache.TryRead(key);
        using var file = await reading!.OpenAsync(reading.Find(path), Cancel);
        var bytes = new byte[count];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        for (var at = 0; at < count;)
        {
            var ready = (int)await file!.ReadyAsync(from + at, count - at, patience.Token);
            Assert.Equal(ready, file.Handle.Read(bytes.AsSpan(at, ready), from + at));
            at += ready;
        }
        file!.Count(node.Cache.Reads, count);
        return bytes;
    }

    private async Task AssertReadsAsync(TestCluster.Node node, string key, string path, int from, int count)
        => Assert.Equal(cluster.Origin.Content("datasets/cats/" + path)[from..(from + count)], await ReadAsync(node, key, path, from, count));

    private long Size => cluster.Origin.Keys.Sum(key => (long)cluster.Origin.Content(key).Length);

    [Fact]
    [Trait("Fault", "17")]
    public async Task Nodes_that_read_the_same_ranges_at_once_read_each_byte_from_the_origin_once()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Select(OpenAsync));
        Assert.Equal(1, cluster.Origin.Listings);
        await Task.WhenAll(cluster.Nodes.SelectMany((node, i) => Enumerable.Range(0, 3).Select(_ => AssertReadsAsync(node, keys[i], "large0.bin", 7 * Mebibyte, 2 * Mebibyte + 10))
            .Append(AssertReadsAsync(node, keys[i], "large1.bin", (24 * Mebibyte) + 1, 3))
            .Append(AssertReadsAsync(node, keys[i], "images/033.jpg", 5, 40_000))
            .Append(AssertReadsAsync(node, keys[i], "empty.txt", 0, 0))));
        Assert.True(cluster.Origin.ServedEachByteOnce());
        // Three pieces and a short one, and the small files that come with that image.
        Assert.InRange(cluster.Origin.BytesServed, (3 * Mebibyte) + 5, (4 * Mebibyte) + 5);
        Assert.All(cluster.Nodes, node => Assert.True(node.Cache.CountReads(new(0, 0, 0, 0, 0, 0, 0, 0)).PeerHits + node.Cache.CountReads(new(0, 0, 0, 0, 0, 0, 0, 0)).OriginReads >= 3));
    }

    [Fact]
    public async Task A_range_of_what_another_node_has_is_read_from_there()
    {
        await using (await cluster.Nodes[0].GetAsync(Cats, Cancel))
        {
            cluster.Origin.ForgetServed();
            var key = await OpenAsync(cluster.Nodes[1]);
            await AssertReadsAsync(cluster.Nodes[1], key, "large1.bin", (3 * Mebibyte) - 10, 20);
            await AssertReadsAsync(cluster.Nodes[1], key, "images/007.jpg", 0, 40_007);
            Assert.Equal((1, 0L), (cluster.Origin.Listings, cluster.Origin.BytesServed));
            var counts = cluster.Nodes[1].Cache.CountReads(new(0, 0, 0, 0, 0, 0, 0, 0));
            Assert.Equal((2L, 0L), (counts.PeerHits, counts.OriginReads));
            Assert.True(counts.BytesFromPeers > 0);
            // Two pieces at the edge and the small files of one, no more.
            Assert.InRange(counts.BytesFromPeers, 2 * Mebibyte, 3 * Mebibyte);
        }
    }

    [Fact]
    public async Task What_a_node_has_read_others_get_from_it_also_when_it_reads_no_more_and_its_coordinator_is_gone()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Take(3).Select(OpenAsync));
        await AssertReadsAsync(cluster.Nodes[0], keys[0], "large0.bin", 5 * Mebibyte, Mebibyte);
        var once = cluster.Origin.BytesServed;
        await AssertReadsAsync(cluster.Nodes[1], keys[1], "large0.bin", 5 * Mebibyte, Mebibyte);
        foreach (var node in cluster.Nodes)
            await node.Cache.LetGoOfIdleAsync();
        cluster.ForgetCoordinators();
        await AssertReadsAsync(cluster.Nodes[2], keys[2], "large0.bin", 5 * Mebibyte, Mebibyte);
        Assert.Equal(once, cluster.Origin.BytesServed);
        // And who wants all of it goes on from there.
        await using var lease = await cluster.Nodes[3].GetAsync(Cats, Cancel);
        Assert.Equal(Size, cluster.Origin.BytesServed);
        Assert.True(cluster.Origin.ServedEachByteOnce());
    }

    [Fact]
    public async Task A_range_comes_ahead_of_the_download_of_another_node_whether_that_is_at_it_or_not()
    {
        var key = await OpenAsync(cluster.Nodes[1]);
        var (began, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        // The download gets nothing but what the reader waits for: a piece behind others that it is to read, and one that it has not come to.
        cluster.Origin.BeforeBytes = async (path, position, _, cancel) =>
        {
            if ((path, position / Mebibyte) is ("datasets/cats/large0.bin", 6) or ("datasets/cats/large1.bin", 20))
                return;
            began.TrySetResult();
            await go.Task.WaitAsync(cancel);
        };
        var getting = cluster.Nodes[0].GetAsync(Cats, Cancel);
        await began.Task.WaitAsync(Cancel);
        await AssertReadsAsync(cluster.Nodes[1], key, "large1.bin", 20 * Mebibyte, 100);
        await AssertReadsAsync(cluster.Nodes[1], key, "large0.bin", 6 * Mebibyte, 100);
        Assert.False(getting.IsCompleted);
        go.SetResult();
        await using var lease = await getting;
        Assert.True(cluster.Origin.ServedEachByteOnce());
        Assert.Equal(Size, cluster.Origin.BytesServed);
    }

    [Fact]
    public async Task A_range_comes_ahead_of_the_download_of_its_own_node_and_is_read_once_in_the_cluster()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Take(2).Select(OpenAsync));
        var (began, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        cluster.Origin.BeforeBytes = async (path, position, _, cancel) =>
        {
            if ((path, position / Mebibyte) is ("datasets/cats/large1.bin", 20))
                return;
            began.TrySetResult();
            await go.Task.WaitAsync(cancel);
        };
        var getting = cluster.Nodes[0].GetAsync(Cats, Cancel);
        await began.Task.WaitAsync(Cancel);
        await Task.WhenAll(AssertReadsAsync(cluster.Nodes[0], keys[0], "large1.bin", 20 * Mebibyte, 100), AssertReadsAsync(cluster.Nodes[1], keys[1], "large1.bin", 20 * Mebibyte, 100));
        go.SetResult();
        await using var lease = await getting;
        Assert.True(cluster.Origin.ServedEachByteOnce());
        Assert.Equal(Size, cluster.Origin.BytesServed);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task What_a_lying_node_sends_no_reader_gets()
    {
        await using var first = await cluster.Nodes[0].GetAsync(Cats, Cancel);
        await using var second = await cluster.Nodes[1].GetAsync(Cats, Cancel);
        cluster.Origin.ForgetServed();
        var lies = 0;
        cluster.Bend = (node, _, _, bytes) =>
        {
            if (node != "node0" || bytes.Length == 0)
                return;
            Interlocked.Increment(ref lies);
            bytes[bytes.Length / 2] ^= 1;
        };
        var key = await OpenAsync(cluster.Nodes[2]);
        for (var i = 0; i < 24; i++)
            await AssertReadsAsync(cluster.Nodes[2], key, "large0.bin", i * Mebibyte, Mebibyte);
        Assert.True(lies > 0);
        Assert.Equal(0, cluster.Origin.BytesServed);
    }

    [Fact]
    [Trait("Fault", "11")]
    public async Task A_reader_whose_coordinator_is_away_goes_on_when_there_is_one_again_and_reads_nothing_twice()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Take(2).Select(OpenAsync));
        await AssertReadsAsync(cluster.Nodes[0], keys[0], "large0.bin", 0, Mebibyte);
        cluster.CoordinatorIsAway = true;
        cluster.ForgetCoordinators();
        var reads = Task.WhenAll(AssertReadsAsync(cluster.Nodes[0], keys[0], "large0.bin", 0, 3 * Mebibyte), AssertReadsAsync(cluster.Nodes[1], keys[1], "large0.bin", 0, 3 * Mebibyte));
        await Task.Delay(700, Cancel);
        Assert.False(reads.IsCompleted);
        cluster.CoordinatorIsAway = false;
        await reads;
        Assert.Equal(3 * Mebibyte, cluster.Origin.BytesServed);
    }

    [Fact]
    public async Task What_the_origin_does_not_give_its_reader_is_told_and_the_next_one_tries_anew()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Take(2).Select(OpenAsync));
        cluster.Origin.BeforeRead = (path, _, _) => throw new OriginException(OriginFailure.NotFound, $"{path} is away.", path, 404);
        for (var i = 0; i < 2; i++)
            await Assert.ThrowsAsync<OriginException>(() => ReadAsync(cluster.Nodes[i], keys[i], "large0.bin", 0, 10));
        cluster.Origin.BeforeRead = null;
        await AssertReadsAsync(cluster.Nodes[0], keys[0], "large0.bin", 0, 10);
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task A_reader_of_what_has_changed_is_told_so_and_who_opens_it_again_reads_what_there_is()
    {
        var keys = await Task.WhenAll(cluster.Nodes.Take(2).Select(OpenAsync));
        cluster.Origin.Put("datasets/cats/large0.bin", MemoryOrigin.Bytes(77, (24 * Mebibyte) + 5));
        var told = await Assert.ThrowsAsync<OriginException>(() => ReadAsync(cluster.Nodes[0], keys[0], "large0.bin", 0, 10));
        Assert.Equal(OriginFailure.Changed, told.Failure);
        await AssertReadsAsync(cluster.Nodes[0], await OpenAsync(cluster.Nodes[0]), "large0.bin", 0, 10);
        Assert.Equal(2, cluster.Origin.Listings);
    }
}
