using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using DatasetCache.Eviction;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Files;

public sealed class FileRequestTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<(FilesGround Ground, string Url, byte[] Content)> StartAsync()
    {
        var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(1, 3_000_000);
        ground.Origin.Put("set/images/one.bin", content);
        ground.Origin.Put("set/empty.txt", "");
        ground.Origin.Put("set/a b/ä%2Fö+.txt", "odd");
        ground.Origin.Put("set/page.html", "<script>");
        var key = await ground.GetAsync();
        return (ground, $"/v1/datasets/{key}/files", content);
    }

    [Fact]
    public async Task A_file_is_read_whole_and_described_by_its_head()
    {
        var (ground, url, content) = await StartAsync();
        await using var _ = ground;
        using var got = await ground.SendAsync(HttpMethod.Get, url + "/images/one.bin");
        Assert.Equal(HttpStatusCode.OK, got.StatusCode);
        Assert.Equal(content, await got.Content.ReadAsByteArrayAsync(Cancel));
        using var head = await ground.SendAsync(HttpMethod.Head, url + "/images/one.bin");
        Assert.Equal(3_000_000, head.Content.Headers.ContentLength);
        Assert.Equal(got.Headers.ETag, head.Headers.ETag);
        Assert.False(head.Headers.ETag!.IsWeak);
        Assert.Equal("bytes", head.Headers.AcceptRanges.Single());
        Assert.Empty(await ground.ReadAsync(url + "/empty.txt"));
    }

    [Theory]
    [InlineData("bytes=0-0", 206, 0, 1)]
    [InlineData("bytes=1048570-1048585", 206, 1048570, 16)]
    [InlineData("bytes=2999990-", 206, 2999990, 10)]
    [InlineData("bytes=2999990-99999999999", 206, 2999990, 10)]
    [InlineData("bytes=-5", 206, 2999995, 5)]
    [InlineData("bytes=-99999999999", 206, 0, 3000000)]
    [InlineData("bytes=3000000-", 416, 0, 0)]
    [InlineData("bytes=-0", 416, 0, 0)]
    // What a server need not understand, it answers with the whole.
    [InlineData("bytes=0-1,5-6", 200, 0, 3000000)]
    [InlineData("bytes=5-1", 200, 0, 3000000)]
    [InlineData("lines=1-2", 200, 0, 3000000)]
    [InlineData("bytes=a", 200, 0, 3000000)]
    public async Task A_range_is_what_it_says(string range, int status, int from, int count)
    {
        var (ground, url, content) = await StartAsync();
        await using var _ = ground;
        using var got = await ground.SendAsync(HttpMethod.Get, url + "/images/one.bin", ("Range", range));
        Assert.Equal(status, (int)got.StatusCode);
        if (status == 416)
        {
            Assert.Equal("bytes */3000000", got.Content.Headers.ContentRange!.ToString());
            Assert.Equal("rangeNotSatisfiable", (await got.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("code").GetString());
            return;
        }
        Assert.Equal(count, got.Content.Headers.ContentLength);
        Assert.Equal(status == 206 ? $"bytes {from}-{from + count - 1}/3000000" : null, got.Content.Headers.ContentRange?.ToString());
        Assert.Equal(content[from..(from + count)], await got.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task Conditions_are_judged_in_their_order()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        url += "/images/one.bin";
        using var first = await ground.SendAsync(HttpMethod.Head, url);
        var tag = first.Headers.ETag!.ToString();
        var date = first.Content.Headers.LastModified!.Value;
        var (now, before) = (date.ToString("R"), date.AddSeconds(-1).ToString("R"));
        await Judge(304, ("If-None-Match", tag));
        await Judge(304, ("If-None-Match", $"\"other\", W/{tag}"));
        await Judge(304, ("If-None-Match", "*"));
        await Judge(200, ("If-None-Match", "\"other\""));
        await Judge(200, ("If-None-Match", "\"other\""), ("If-Modified-Since", now));
        await Judge(304, ("If-Modified-Since", now));
        await Judge(200, ("If-Modified-Since", before));
        await Judge(200, ("If-Modified-Since", "yesterday"));
        await Judge(412, ("If-Match", "\"other\""));
        await Judge(412, ("If-Match", "W/" + tag));
        await Judge(200, ("If-Match", tag));
        await Judge(304, ("If-Match", "*"), ("If-None-Match", tag));
        await Judge(412, ("If-Unmodified-Since", before));
        await Judge(200, ("If-Unmodified-Since", now));
        await Judge(206, ("Range", "bytes=0-9"), ("If-Range", tag));
        await Judge(200, ("Range", "bytes=0-9"), ("If-Range", "\"other\""));
        await Judge(200, ("Range", "bytes=0-9"), ("If-Range", "W/" + tag));
        await Judge(206, ("Range", "bytes=0-9"), ("If-Range", now));
        await Judge(200, ("Range", "bytes=0-9"), ("If-Range", before));
        await Judge(304, ("Range", "bytes=0-9"), ("If-None-Match", tag));

        async Task Judge(int status, params (string, string)[] headers)
        {
            using var got = await ground.SendAsync(HttpMethod.Get, url, headers);
            Assert.True(status == (int)got.StatusCode, $"{string.Join(", ", headers)}: {(int)got.StatusCode}");
            if (status is 304)
                Assert.Equal(tag, got.Headers.ETag!.ToString());
        }
    }

    [Fact]
    public async Task The_head_of_a_range_is_that_of_the_whole()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        using var got = await ground.SendAsync(HttpMethod.Head, url + "/images/one.bin", ("Range", "bytes=0-9"));
        Assert.Equal(HttpStatusCode.OK, got.StatusCode);
        Assert.Equal(3_000_000, got.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("/a%20b/%C3%A4%252F%C3%B6+.txt", true)]
    [InlineData("/a%20b%2F%C3%A4%252F%C3%B6%2B.txt", false)]
    [InlineData("/images%2Fone.bin", true)]
    [InlineData("/images/../images/one.bin", true)]
    [InlineData("/images//one.bin", false)]
    [InlineData("/images", false)]
    [InlineData("/images/", false)]
    [InlineData("/IMAGES/one.bin", false)]
    public async Task Only_what_the_manifest_names_is_read(string path, bool isThere)
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        Assert.Equal(isThere ? "200" : "404", (await ground.RawAsync(url + path))[9..12]);
    }

    [FaultTheory(26)]
    [InlineData("/images/%2e%2e/%2e%2e/%2e%2e/node.token")]
    [InlineData("/..%2f..%2fnode.token")]
    [InlineData("/..%5c..%5cnode.token")]
    [InlineData("/%252e%252e%252fnode.token")]
    [InlineData("/images/one.bin%00")]
    [InlineData("/images/one.bin%FF")]
    [InlineData("//etc/passwd")]
    [InlineData("/%2Fetc%2Fpasswd")]
    public async Task A_path_out_of_the_dataset_is_not_found_and_the_node_goes_on(string path)
    {
        var (ground, url, content) = await StartAsync();
        await using var ended = ground;
        var fault = new FaultCase(26);
        // Something to be found, if a path led out.
        await File.WriteAllTextAsync(Path.Combine(ground.Root, "snapshots", "node.token"), "canary", Cancel);
        var answer = await ground.RawAsync(url + path);
        fault.Fired();
        Assert.Matches("^HTTP/1.1 40[04]", answer);
        fault.Kept(!answer.Contains("canary", StringComparison.Ordinal) && !answer.Contains("root:", StringComparison.Ordinal), "what is no file of the dataset, unread,");

        ground.Origin.ForgetServed();
        var bytes = await fault.HealsAsync(() => ground.ReadAsync(url + "/images/one.bin"));
        fault.Whole(bytes.AsSpan().SequenceEqual(content), "images/one.bin");
        await ground.GetAsync();
        fault.ReadOnce(ground.Origin.BytesServed);
        fault.NoOrphans(ground.Root);
        fault.End();
    }

    [Theory]
    [InlineData("..")]
    [InlineData("%2e%2e")]
    [InlineData("..%2f..")]
    [InlineData(".hidden")]
    [InlineData("nothing_of_the_kind")]
    public async Task A_key_is_no_path(string key)
    {
        await using var ground = await FilesGround.StartAsync();
        Assert.Matches("^HTTP/1.1 40[04]", await ground.RawAsync($"/v1/datasets/{key}/files/format"));
    }

    [Fact]
    public async Task A_file_that_became_a_link_out_of_the_entry_is_not_followed()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        var tree = Path.Combine(ground.Root, "snapshots", url.Split('/')[3]);
        File.SetUnixFileMode(Path.Combine(tree, "images"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var secret = Path.Combine(ground.Root, "secret");
        await File.WriteAllBytesAsync(secret, new byte[3_000_000], Cancel);
        File.Delete(Path.Combine(tree, "images/one.bin"));
        File.CreateSymbolicLink(Path.Combine(tree, "images/one.bin"), secret);
        using var got = await ground.SendAsync(HttpMethod.Get, url + "/images/one.bin");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, got.StatusCode);
    }

    [Fact]
    public async Task A_page_in_a_dataset_is_bytes_to_a_browser()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        using var got = await ground.SendAsync(HttpMethod.Get, url + "/page.html");
        Assert.Equal("application/octet-stream", got.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", got.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", got.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_listing_comes_in_pages_that_join()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        var all = new List<string>();
        for (string? next = ""; next is not null;)
        {
            var page = await ground.Client.GetFromJsonAsync<JsonElement>($"{url}?limit=3&after={Uri.EscapeDataString(next)}", Cancel);
            all.AddRange(page.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString()!));
            next = page.GetProperty("next").GetString();
        }
        Assert.Equal(["a b/ä%2Fö+.txt", "empty.txt", "images/one.bin", "page.html"], all);
        // What is not there says where to go on as well.
        var rest = await ground.Client.GetFromJsonAsync<JsonElement>(url + "?after=f", Cancel);
        Assert.Equal(2, rest.GetProperty("files").GetArrayLength());
        using var head = await ground.SendAsync(HttpMethod.Head, url + "/images/one.bin");
        Assert.Equal(head.Headers.ETag!.Tag, rest.GetProperty("files")[0].GetProperty("etag").GetString());
        using var bad = await ground.SendAsync(HttpMethod.Get, url + "?limit=0");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
    }

    [Fact]
    public async Task What_is_being_read_is_not_evicted_and_what_was_read_is()
    {
        await using var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(2, 64 * 1024 * 1024);
        ground.Origin.Put("set/large.bin", content);
        var key = await ground.GetAsync();
        using (var reading = await ground.SendAsync(HttpMethod.Get, $"/v1/datasets/{key}/files/large.bin"))
        {
            // More than all buffers hold is still to come.
            Assert.Equal(EvictionOutcome.Protected, (await ground.Cache.EvictAsync(key, dryRun: false, Cancel)).Outcome);
            Assert.Equal(content, await reading.Content.ReadAsByteArrayAsync(Cancel));
        }
        // The last byte is read a moment before the lease ends.
        while ((await ground.Cache.EvictAsync(key, dryRun: false, Cancel)).Outcome == EvictionOutcome.Protected)
            await Task.Delay(10, Cancel);
        using var gone = await ground.SendAsync(HttpMethod.Get, $"/v1/datasets/{key}/files/large.bin");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Fact]
    public async Task A_key_that_was_evicted_and_came_again_is_read_anew()
    {
        var (ground, url, _) = await StartAsync();
        await using var ended = ground;
        Assert.Equal("odd"u8.ToArray(), await ground.ReadAsync(url + "/a%20b/%C3%A4%252F%C3%B6+.txt"));
        while ((await ground.Cache.EvictAsync(url.Split('/')[3], dryRun: false, Cancel)).Outcome == EvictionOutcome.Protected)
            await Task.Delay(10, Cancel);
        ground.Origin.Put("set/page.html", "another");
        await ground.GetAsync();
        Assert.Equal("another"u8.ToArray(), await ground.ReadAsync(url + "/page.html"));
    }

    [Fact]
    public async Task A_file_that_was_cut_short_is_refused_and_healed()
    {
        var (ground, url, content) = await StartAsync();
        await using var ended = ground;
        var healed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ground.Cache.Invalidated += (_, _) => healed.TrySetResult();
        var path = Path.Combine(ground.Root, "snapshots", url.Split('/')[3], "images/one.bin");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = File.OpenWrite(path))
            file.SetLength(100);
        using var got = await ground.SendAsync(HttpMethod.Get, url + "/images/one.bin");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, got.StatusCode);
        await healed.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.Equal(content, await ground.ReadAsync(url + "/images/one.bin"));
    }
}
