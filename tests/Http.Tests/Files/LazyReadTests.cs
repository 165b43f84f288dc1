using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Files;

public sealed class LazyReadTests
{
    private const int Mebibyte = 1024 * 1024;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<string> OpenAsync(FilesGround ground, string origin = "s3://set", string snapshot = "snap", string select = "all")
    {
        using var answer = await ground.Client.PostAsJsonAsync("/v1/open", new { dataset = new { origin, snapshotId = snapshot, select } }, Cancel);
        var opened = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, opened.ToString());
        return $"/v1/datasets/{opened.GetProperty("cacheKey").GetString()}/files";
    }

    private static (string, string) Range(int from, int count) => ("Range", $"bytes={from}-{from + count - 1}");

    [Fact]
    public async Task A_range_reads_the_pieces_that_it_touches_and_nothing_else()
    {
        await using var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(1, (20 * Mebibyte) + 5);
        ground.Origin.Put("s3://set/large.bin", content);
        ground.Origin.Put("s3://set/small.bin", MemoryOrigin.Bytes(2, 5000));
        ground.Origin.Put("s3://set/empty.bin", "");
        var url = await OpenAsync(ground);
        Assert.Equal((1, 0), (ground.Origin.Listings, ground.Origin.Reads));
        using (var head = await ground.SendAsync(HttpMethod.Head, url + "/large.bin"))
            Assert.Equal(content.Length, head.Content.Headers.ContentLength);
        Assert.Equal(0, ground.Origin.Reads);

        Assert.Equal(content[(7 * Mebibyte)..((7 * Mebibyte) + 10)], await ground.ReadAsync(url + "/large.bin", Range(7 * Mebibyte, 10)));
        Assert.Equal(Mebibyte, ground.Origin.BytesServed);
        // Across an edge, the second one being here.
        Assert.Equal(content[((6 * Mebibyte) - 5)..((8 * Mebibyte) + 5)], await ground.ReadAsync(url + "/large.bin", Range((6 * Mebibyte) - 5, (2 * Mebibyte) + 10)));
        Assert.Equal(4 * Mebibyte, ground.Origin.BytesServed);
        Assert.Equal(content[^3..], await ground.ReadAsync(url + "/large.bin", ("Range", "bytes=-3")));
        Assert.Equal((4 * Mebibyte) + 5, ground.Origin.BytesServed);
        Assert.Equal(MemoryOrigin.Bytes(2, 5000)[4000..], await ground.ReadAsync(url + "/small.bin", ("Range", "bytes=4000-")));
        Assert.Empty(await ground.ReadAsync(url + "/empty.bin"));
        Assert.Equal(content, await ground.ReadAsync(url + "/large.bin"));
        Assert.True(ground.Origin.ServedEachByteOnce());
        Assert.Equal((1, 0L), (ground.Origin.Listings, ground.Parts.Reads.MemoryHits));
        Assert.Equal(ground.Origin.BytesServed, ground.Parts.Reads.BytesFromOrigin);
        Assert.Equal((0, 5), (ground.Parts.Reads.DiskHits, ground.Parts.Reads.OriginReads));
    }

    [Fact]
    public async Task However_many_ask_for_a_piece_the_origin_gives_it_once()
    {
        await using var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(1, 3 * Mebibyte);
        ground.Origin.Put("s3://set/large.bin", content);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ground.Origin.BeforeRead = async (_, _, _) =>
        {
            asked.TrySetResult();
            await go.Task;
        };
        var url = await OpenAsync(ground);
        var readers = Enumerable.Range(0, 20).Select(i => ground.ReadAsync(url + "/large.bin", Range(Mebibyte + i, 1000))).ToArray();
        await asked.Task;
        while (ground.Parts.Reads.StampedePrevented < 19)
            await Task.Delay(5, Cancel);
        go.SetResult();
        for (var i = 0; i < readers.Length; i++)
            Assert.Equal(content[(Mebibyte + i)..(Mebibyte + i + 1000)], await readers[i]);
        Assert.Equal((1, Mebibyte), (ground.Origin.Reads, ground.Origin.BytesServed));
    }

    [Fact]
    public async Task Getting_all_of_it_later_goes_on_from_what_was_read()
    {
        await using var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(1, 40 * Mebibyte);
        ground.Origin.Put("s3://set/large.bin", content);
        ground.Origin.Put("s3://set/small.bin", MemoryOrigin.Bytes(2, 5000));
        var url = await OpenAsync(ground);
        await ground.ReadAsync(url + "/large.bin", Range(7 * Mebibyte, 10));
        await ground.ReadAsync(url + "/large.bin", Range(33 * Mebibyte, 10));
        await ground.ReadAsync(url + "/small.bin");
        var key = await ground.GetAsync("s3://set");
        Assert.Equal(url, $"/v1/datasets/{key}/files");
        Assert.Equal(content.Length + 5000, ground.Origin.BytesServed);
        Assert.True(ground.Origin.ServedEachByteOnce());
        Assert.Equal(content, await ground.ReadAsync(url + "/large.bin"));
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(ground.Root, "snapshots", key, "large.bin"), Cancel));

        // Who opened it reads on after it was evicted.
        while ((await ground.Cache.EvictAsync(key, dryRun: false, Cancel)).Outcome == EvictionOutcome.Protected)
            await Task.Delay(10, Cancel);
        ground.Origin.ForgetServed();
        Assert.Equal(content[5..10], await ground.ReadAsync(url + "/large.bin", Range(5, 5)));
        Assert.Equal(Mebibyte, ground.Origin.BytesServed);
    }

    [Fact]
    public async Task While_all_of_it_is_on_its_way_the_piece_that_is_wanted_comes_first()
    {
        await using var ground = await FilesGround.StartAsync(options: new CacheOptions { Root = "", Concurrency = 1 });
        var content = MemoryOrigin.Bytes(1, 100 * Mebibyte);
        ground.Origin.Put("s3://set/large.bin", content);
        ground.Origin.Put("s3://set/small.bin", MemoryOrigin.Bytes(2, 5000));
        var url = await OpenAsync(ground);
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // The download's own request gives nothing behind its fifth MiB.
        ground.Origin.BeforeBytes = async (key, at, left, cancel) =>
        {
            if (at == 5 * Mebibyte && left > 2 * Mebibyte)
            {
                stuck.TrySetResult();
                await go.Task.WaitAsync(cancel);
            }
        };
        var download = ground.GetAsync("s3://set");
        await stuck.Task;
        // In the run that is being read, in one that waits, and a file that waits.
        Assert.Equal(content[(20 * Mebibyte)..((20 * Mebibyte) + 10)], await ground.ReadAsync(url + "/large.bin", Range(20 * Mebibyte, 10)));
        Assert.Equal(content[(70 * Mebibyte)..((70 * Mebibyte) + 10)], await ground.ReadAsync(url + "/large.bin", Range(70 * Mebibyte, 10)));
        Assert.Equal(MemoryOrigin.Bytes(2, 5000), await ground.ReadAsync(url + "/small.bin"));
        // What is here is read without asking.
        Assert.Equal(content[Mebibyte..(Mebibyte + 10)], await ground.ReadAsync(url + "/large.bin", Range(Mebibyte, 10)));
        Assert.False(download.IsCompleted);
        go.SetResult();
        var key = await download;
        Assert.Equal(content.Length + 5000, ground.Origin.BytesServed);
        Assert.True(ground.Origin.ServedEachByteOnce());
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(ground.Root, "snapshots", key, "large.bin"), Cancel));
        Assert.Equal(VerifyOutcome.Sound, (await ground.Cache.VerifyAsync(key, options: null, Cancel))!.Outcome);
    }

    [Fact]
    public async Task A_reader_outlives_the_download_that_it_reads_along_with()
    {
        await using var ground = await FilesGround.StartAsync(options: new CacheOptions { Root = "", Concurrency = 1 });
        var content = MemoryOrigin.Bytes(1, 60 * Mebibyte);
        ground.Origin.Put("s3://set/large.bin", content);
        var url = await OpenAsync(ground);
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var leaves = new CancellationTokenSource();
        ground.Origin.BeforeBytes = async (_, at, left, cancel) =>
        {
            if (at == 5 * Mebibyte && left > 10 * Mebibyte)
            {
                stuck.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancel);
            }
        };
        var download = ground.Cache.AcquireAsync(new AcquireRequest { Dataset = FilesGround.Dataset("s3://set") }, progress: null, leaves.Token);
        await stuck.Task;
        // It waits for a piece that would have come soon, and then nobody fetches any more.
        var reading = ground.ReadAsync(url + "/large.bin", Range(4 * Mebibyte, 3 * Mebibyte));
        using (var begun = await ground.SendAsync(HttpMethod.Get, url + "/large.bin", Range(4 * Mebibyte, 10)))
            Assert.Equal(10, (await begun.Content.ReadAsByteArrayAsync(Cancel)).Length);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => download);
        Assert.Equal(content[(4 * Mebibyte)..(7 * Mebibyte)], await reading);
        Assert.True(ground.Origin.ServedEachByteOnce());
    }

    [Fact]
    public async Task Only_what_is_selected_can_be_read_and_only_annotations_are_fetched_for_that()
    {
        await using var ground = await FilesGround.StartAsync();
        ground.Origin.Put("s3://set/annotations.json", """{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,1,1]}],"categories":[{"id":1,"name":"x"}]}""");
        ground.Origin.Put("s3://set/images/a.jpg", MemoryOrigin.Bytes(1, 1000));
        ground.Origin.Put("s3://set/images/b.jpg", MemoryOrigin.Bytes(2, 1000));
        var url = await OpenAsync(ground, select: "annotated");
        Assert.Equal(["s3://set/annotations.json"], ground.Origin.Served.Select(part => part.Key).Distinct());
        Assert.Equal(1000, (await ground.ReadAsync(url + "/images/a.jpg")).Length);
        using var other = await ground.SendAsync(HttpMethod.Get, url + "/images/b.jpg");
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    [Fact]
    public async Task An_origin_that_has_another_version_by_now_is_no_source()
    {
        await using var ground = await FilesGround.StartAsync();
        ground.Origin.Put("s3://set/large.bin", MemoryOrigin.Bytes(1, 3 * Mebibyte));
        var url = await OpenAsync(ground);
        await ground.ReadAsync(url + "/large.bin", Range(0, 10));
        ground.Origin.Put("s3://set/large.bin", MemoryOrigin.Bytes(2, 3 * Mebibyte));
        using var changed = await ground.SendAsync(HttpMethod.Get, url + "/large.bin", Range(2 * Mebibyte, 10));
        Assert.Equal(HttpStatusCode.Conflict, changed.StatusCode);
        Assert.Equal("sourceChanged", (await changed.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task What_was_read_counts_as_space_that_is_used()
    {
        await using var ground = await FilesGround.StartAsync(options: new CacheOptions { Root = "", MaxSize = 10 * Mebibyte });
        ground.Origin.Put("s3://set/large.bin", MemoryOrigin.Bytes(1, 30 * Mebibyte));
        var url = await OpenAsync(ground);
        await ground.ReadAsync(url + "/large.bin", Range(0, 6 * Mebibyte));
        Assert.InRange(ground.Cache.Space().Reserved, 6 * Mebibyte, 10 * Mebibyte);
        using var refused = await ground.SendAsync(HttpMethod.Get, url + "/large.bin", Range(10 * Mebibyte, 8 * Mebibyte));
        Assert.Equal(HttpStatusCode.InsufficientStorage, refused.StatusCode);
    }

    [Fact]
    public async Task A_real_store_is_read_by_ranges_and_got_whole_from_there()
    {
        var server = await S3Server.GetAsync();
        var bucket = await server.CreateBucketAsync();
        var content = MemoryOrigin.Bytes(1, 9 * Mebibyte);
        await server.PutAsync(bucket, "set/large.bin", content);
        await server.PutAsync(bucket, "set/ä ö/small.txt", "small"u8.ToArray());
        await using var ground = await FilesGround.StartAsync(new OriginFactory(server.Options() with { Url = $"s3://{bucket}" }, TimeProvider.System));
        var url = await OpenAsync(ground, $"s3://{bucket}/set");
        Assert.Equal(content[(5 * Mebibyte)..((6 * Mebibyte) + 7)], await ground.ReadAsync(url + "/large.bin", Range(5 * Mebibyte, Mebibyte + 7)));
        Assert.Equal("small"u8.ToArray(), await ground.ReadAsync(url + "/ä ö/small.txt"));
        Assert.Equal((2 * Mebibyte) + 5, ground.Parts.Reads.BytesFromOrigin);
        await using var lease = await ground.Cache.AcquireAsync(new AcquireRequest { Dataset = FilesGround.Dataset($"s3://{bucket}/set") }, progress: null, Cancel);
        Assert.Equal(7 * Mebibyte, lease.BytesFromOrigin);
        Assert.Equal(content, await ground.ReadAsync(url + "/large.bin"));
    }
}
