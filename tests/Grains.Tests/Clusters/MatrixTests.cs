using DatasetCache.Eviction;
using DatasetCache.Transfers;
using Xunit;

namespace DatasetCache.Grains.Tests.Clusters;

public sealed class MatrixTests
{
    private static EntrySummary Entry(string key, string digest = "d1", string? broken = null) => new()
    {
        CacheKey = key,
        Path = "/" + key,
        Origin = "s3://b",
        DatasetPrefix = "p/",
        Selection = "all",
        SelectionReason = "",
        ManifestDigest = digest,
        Files = 2,
        Bytes = 100,
        OwnBytes = 100,
        MissingCount = 0,
        PublishedAt = default,
        LastUsedAt = default,
        Uses = 1,
        Holders = [],
        IsLeased = false,
        IsPinned = true,
        Priority = EntryPriority.High,
        ExpiresAt = DateTimeOffset.UnixEpoch,
        Protections = [],
        Broken = broken,
    };

    [Fact]
    public async Task Rows_show_who_has_what_whole_broken_or_on_its_way_page_by_page()
    {
        await using var cluster = await StubCluster.StartAsync(3);
        cluster.Nodes["Silo_0"].Entries["a"] = Entry("a");
        cluster.Nodes["Silo_1"].Entries["a"] = Entry("a", broken: "a hole");
        cluster.Nodes["Silo_2"].Fetching.Add(new DatasetDownload("a", "s3://b", "p/", DatasetId: null, SnapshotId: null, new AcquireProgress(AcquirePhase.Downloading, "p", 1, 2, 40, 100, 40)));
        cluster.Nodes["Silo_0"].Entries["b"] = Entry("b", "d1");
        cluster.Nodes["Silo_1"].Entries["b"] = Entry("b", "d2");
        cluster.Nodes["Silo_2"].Entries["c"] = Entry("c");
        var grain = cluster.Client.GetGrain<IClusterGrain>(0);

        var first = await grain.MatrixAsync(new CellsRequest(After: null, 2), TestContext.Current.CancellationToken);
        var rest = await grain.MatrixAsync(new CellsRequest(first[^1].CacheKey, 2), TestContext.Current.CancellationToken);
        var alone = await grain.MatrixAsync(new CellsRequest(After: null, 1, "b"), TestContext.Current.CancellationToken);

        // Two nodes hold different things under one key: both rows, although the page is full by then.
        Assert.Equal([("a", "d1", 1), ("b", "d1", 1), ("b", "d2", 1)], first.Select(row => (row.CacheKey, row.Digest, row.Replicas)));
        Assert.Equal([("Silo_0", "Ready", 100L), ("Silo_1", "Broken", 100L), ("Silo_2", "Downloading", 40L)], first[0].Holders.Select(holder => (holder.Node, holder.State, holder.BytesDone)));
        Assert.Equal((true, "High", DateTimeOffset.UnixEpoch), (first[0].Holders[0].IsPinned, first[0].Holders[0].Priority, first[0].Holders[0].ExpiresAt!.Value));
        Assert.Equal(["c"], rest.Select(row => row.CacheKey));
        Assert.Equal(["d1", "d2"], alone.Select(row => row.Digest));
    }
}
