using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Testing;

public sealed class RangeServerTests
{
    private const long TenGiB = 10L << 30;

    [Fact]
    public async Task It_lists_in_pages_and_serves_any_range_of_a_huge_object()
    {
        var objects = Enumerable.Range(0, 2_100).Select(i => ($"small/{i:d4} +%.bin", (long)i)).Append(("huge", TenGiB)).ToArray();
        await using var server = await RangeServer.StartAsync(objects);
        using var origin = Open(server.Endpoint);

        var listed = await origin.ListAllAsync();

        Assert.Equal(objects.OrderBy(o => o.Item1, StringComparer.Ordinal), listed.Select(o => (o.Key, o.Size)).OrderBy(o => o.Key, StringComparer.Ordinal));
        var huge = listed.Single(o => o.Key == "huge");
        var tail = await origin.ReadAllAsync(huge, TenGiB - 1_000_003, 1_000_003);
        var expected = new byte[1_000_003];
        RangeServer.Fill("huge", TenGiB - 1_000_003, expected);
        Assert.Equal(expected, tail);
        Assert.Equal(OriginFailure.Changed, (await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(huge with { ETag = "other" }, 0, 1))).Failure);
    }

    [Fact]
    public void The_bytes_are_the_same_however_they_are_cut()
    {
        var whole = new byte[100];
        RangeServer.Fill("k", 0, whole);
        for (var from = 0; from < 20; from++)
        {
            var part = new byte[40];
            RangeServer.Fill("k", from, part);
            Assert.Equal(whole[from..(from + 40)], part);
        }
        var other = new byte[100];
        RangeServer.Fill("l", 0, other);
        Assert.NotEqual(whole, other);
    }

    [Fact]
    public async Task The_proxy_in_front_of_it_holds_every_body_at_a_byte_until_it_is_let_go()
    {
        await using var server = await RangeServer.StartAsync([("a", 1_000_000), ("b", 1_000_000)]);
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        using var origin = Open(proxy.Endpoint);
        var release = new TaskCompletionSource();
        var held = proxy.Served.When(1_200_000, release.Task);
        var reads = Task.WhenAll((await origin.ListAllAsync()).Select(origin.ReadAllAsync));

        await held;
        Assert.Equal(1_200_000, proxy.Served.Total);
        Assert.False(reads.IsCompleted);
        release.SetResult();

        Assert.All(await reads, bytes => Assert.Equal(1_000_000, bytes.Length));
        Assert.Equal((2_000_000, 0), (proxy.Served.Total, proxy.Served.Repeated));
    }

    [Fact]
    public async Task The_proxy_stalls_drips_and_flips_bits()
    {
        await using var server = await RangeServer.StartAsync([("a", 1_000)]);
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        using var origin = Open(proxy.Endpoint);
        var target = Assert.Single(await origin.ListAllAsync());
        var right = new byte[1_000];
        RangeServer.Fill("a", 0, right);

        proxy.Add(new Fault { FlipBitAt = 500 });
        var flipped = await origin.ReadAllAsync(target);
        Assert.Equal(500, Assert.Single(Enumerable.Range(0, 1_000), i => flipped[i] != right[i]));

        proxy.Add(new Fault { BytesPerSecond = 10_000 });
        Assert.Equal(right, await origin.ReadAllAsync(target));

        proxy.Add(new Fault { WithoutLength = true, AppendBytes = 5 });
        Assert.Equal([.. right, 0, 0, 0, 0, 0], await origin.ReadAllAsync(target));

        proxy.Add(new Fault { StallAfter = 400 });
        await using var body = await origin.OpenReadAsync(target, 0, 1_000, CancellationToken.None);
        var buffer = new byte[1_000];
        for (var read = 0; read < 400;)
            read += await body.ReadAsync(buffer, CancellationToken.None);
        using var patience = new CancellationTokenSource();
        var next = body.ReadAsync(buffer, patience.Token).AsTask();
        Assert.False(next.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    private static S3Origin Open(string endpoint) =>
        new("bucket", new OriginOptions { Endpoint = endpoint, Credentials = new OriginCredentials("k", "s"), Attempts = 1 }, TimeProvider.System);
}
