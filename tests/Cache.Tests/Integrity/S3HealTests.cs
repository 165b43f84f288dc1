using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>Healing from a real S3 server, with a proxy in front that counts and strikes.</summary>
[Trait("Fault", "8")]
public sealed class S3HealTests : IAsyncLifetime
{
    private const int Piece = 1024 * 1024;
    private readonly TempFolder folder = new();
    private readonly byte[] large = MemoryOrigin.Bytes(100, 40_000_000);
    private FaultProxy proxy = null!;
    private S3Server server = null!;
    private OriginFactory origins = null!;
    private LocalDatasetCache cache = null!;
    private string bucket = "", key = "", path = "";

    private AcquireRequest Request => new() { Dataset = new DatasetRef { Origin = $"s3://{bucket}/set", SnapshotId = "snap_1", Selection = new Selection { Mode = SelectionMode.All } } };

    public async ValueTask InitializeAsync()
    {
        server = await S3Server.GetAsync();
        bucket = await server.CreateBucketAsync();
        await server.PutAsync(bucket, "set/large.bin", large);
        await server.PutAsync(bucket, "set/small.jpg", large.AsMemory(0, 50_000));
        proxy = await FaultProxy.StartAsync(server.Endpoint);
        origins = new OriginFactory(server.Options(proxy.Endpoint) with { Url = "s3://another-bucket" });
        cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), Attempts = 4 }, origins);
        await using var lease = await cache.AcquireAsync(Request);
        (key, path) = (lease.CacheKey, Path.Join(lease.SnapshotPath, "large.bin"));
        Break();
    }

    public async ValueTask DisposeAsync()
    {
        await cache.DisposeAsync();
        origins.Dispose();
        await proxy.DisposeAsync();
        folder.Dispose();
    }

    // The third and the last piece.
    private void Break()
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.Write(file, new byte[9], (2 * Piece) + 5);
        RandomAccess.Write(file, new byte[9], large.Length - 10);
    }

    private const long Broken = Piece + (40_000_000 - (38 * Piece));

    [Fact]
    public async Task Exactly_the_broken_pieces_are_asked_for_by_range_and_version()
    {
        var before = proxy.Requests.Count;
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal((VerifyOutcome.Healed, Broken), (result.Outcome, result.BytesFromOrigin));
        Assert.Equal(large, await File.ReadAllBytesAsync(path));
        var asked = proxy.Requests.Skip(before).ToArray();
        Assert.Equal([$"bytes={2 * Piece}-{(3 * Piece) - 1}", $"bytes={38 * Piece}-{large.Length - 1}"], asked.Select(request => request.Range).OrderBy(range => range!.Length).ThenBy(range => range, StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_origin_that_strikes_is_asked_again_for_what_is_missing()
    {
        var rule = proxy.Add(new FaultRule { Fault = new Fault { BreakAfter = 100_000 }, Matches = request => request.Range is not null, Times = 2 });
        await using var lease = await cache.AcquireAsync(Request);
        // A hit: nobody has verified it. It must be found first.
        Assert.Equal(0, rule.Fires);
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal((VerifyOutcome.Healed, 2), (result.Outcome, rule.Fires));
        Assert.Equal(large, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task Another_version_of_the_object_is_never_woven_in()
    {
        large.AsSpan(0, 100).Reverse();
        await server.PutAsync(bucket, "set/large.bin", large);
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal(VerifyOutcome.Quarantined, result.Outcome);
        Assert.Contains("412", result.Why, StringComparison.Ordinal);
        await using var lease = await cache.AcquireAsync(Request);
        Assert.Equal(large, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task A_torn_manifest_costs_the_listing_and_the_broken_file()
    {
        File.Delete(Path.Join(folder["cache"], "entries", key, "manifest"));
        var result = (await cache.VerifyAsync(key))!;
        Assert.Equal((VerifyOutcome.Healed, (long)large.Length), (result.Outcome, result.BytesFromOrigin));
        Assert.Equal(large, await File.ReadAllBytesAsync(path));
        Assert.Equal(VerifyOutcome.Sound, (await cache.VerifyAsync(key))!.Outcome);
    }
}
