using System.Security.Cryptography;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests;

/// <summary>One miss from listing to publishing: what it takes, what it refuses, and an origin that changes meanwhile.</summary>
public sealed class AcquisitionTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task A_new_version_moves_only_what_changed()
    {
        for (var i = 0; i < 100; i++)
            fixture.Put($"images/{i:D3}.jpg", MemoryOrigin.Bytes(i, 10_000));
        var cache = fixture.Open();
        await using var old = await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"));
        fixture.Put("images/050.jpg", MemoryOrigin.Bytes(1000, 12_000));
        fixture.Origin.ForgetServed();
        await using var changed = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal(12_000, changed.BytesFromOrigin);
        Assert.Equal(990_000, changed.ReusedBytes);
        fixture.AssertHoldsTheOrigin(changed.Path, [.. Enumerable.Range(0, 100).Select(i => $"images/{i:D3}.jpg")]);
        var entry = cache.Inspect(changed.CacheKey)!;
        Assert.Equal(12_288, entry.OwnBytes); // Three blocks: all else is shared.
    }

    [Fact]
    public async Task Annotated_takes_the_metadata_and_the_images_it_names_and_a_missing_one_is_an_error_with_its_name()
    {
        fixture.Put("annotations.json", """{"images":[{"file_name":"1.jpg"},{"file_name":"2.jpg"},{"file_name":"gone.jpg"}]}""");
        foreach (var i in Enumerable.Range(1, 5))
            fixture.Put($"images/{i}.jpg", MemoryOrigin.Bytes(i, 5_000));
        var cache = fixture.Open();
        var request = fixture.Request(selection: Selection.Auto);
        var error = await Assert.ThrowsAsync<DatasetNotFoundException>(() => cache.AcquireAsync(request));
        Assert.Contains("1 image ", error.Message, StringComparison.Ordinal);
        Assert.Contains("gone.jpg", error.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-missing", error.Advice, StringComparison.Ordinal);

        await using var lease = await cache.AcquireAsync(request with { AllowMissing = true });
        fixture.AssertHoldsTheOrigin(lease.Path, "annotations.json", "images/1.jpg", "images/2.jpg");
        await Assert.ThrowsAsync<DatasetNotFoundException>(() => cache.AcquireAsync(request));
    }

    [Fact]
    public async Task Metadata_that_was_only_needed_for_the_hash_leaves_no_file_and_no_folder_behind()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 5_000));
        fixture.Put("labels/deep/a.txt", "0 1 1 1 1");
        fixture.Put("labels/kept/b.jpg", "b");
        var hash = Convert.ToHexStringLower(SHA256.HashData("0 1 1 1 1"u8));
        var cache = fixture.Open();
        await using var lease = await cache.AcquireAsync(fixture.Request(hash: hash, selection: new Selection { Mode = SelectionMode.All, Exclude = ["*.txt"] }));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "labels/kept/b.jpg");
        Assert.False(Directory.Exists(Path.Join(lease.Path, "labels/deep")));
    }

    [Fact]
    public async Task What_an_earlier_listing_had_chosen_is_not_published_with_a_later_one()
    {
        fixture.Put("annotations.json", """{"images":[{"file_name":"1.jpg"},{"file_name":"deep/2.jpg"}]}""");
        fixture.Put("images/1.jpg", MemoryOrigin.Bytes(1, 5_000));
        fixture.Put("images/deep/2.jpg", MemoryOrigin.Bytes(2, 5_000));
        // One at a time, in the listing's order or against it: whichever image comes second is the one that is cut.
        var images = 0;
        fixture.Origin.BeforeRead = (key, _, _) => key.EndsWith(".jpg", StringComparison.Ordinal) && ++images == 2 ? throw new InvalidOperationException("cut") : default;
        var request = fixture.Request(selection: Selection.Auto);
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open(options => options with { Concurrency = 1 }).AcquireAsync(request));
        fixture.Origin.BeforeRead = null;
        var (kept, dropped) = File.Exists(fixture.Staged("tree", "images/deep/2.jpg")) ? ("1.jpg", "deep/2.jpg") : ("deep/2.jpg", "1.jpg");
        fixture.Put("annotations.json", $$"""{"images":[{"file_name":"{{kept}}"}]}""");

        await using var lease = await fixture.Open().AcquireAsync(request);
        Assert.Equal(2, lease.Files);
        fixture.AssertHoldsTheOrigin(lease.Path, "annotations.json", "images/" + kept);
        Assert.False(Path.Exists(Path.Join(lease.Path, "images", dropped)));
    }

    [Fact]
    public async Task Nothing_at_the_origin_is_said_so()
        => await Assert.ThrowsAsync<DatasetNotFoundException>(() => fixture.Open().AcquireAsync(fixture.Request()));

    public static TheoryData<string> HostileKeys => ["../evil.jpg", "/etc/x", "..\\evil", "new\nline", "a//b", "x/./y", "a.jpg/b", "x/" + new string('x', 256), string.Concat(Enumerable.Repeat("deep/", 900)) + "x"];

    [FaultTheory(22)]
    [MemberData(nameof(HostileKeys))]
    public async Task A_hostile_key_is_refused_before_the_first_byte(string path)
    {
        var fault = fixture.Case(22);
        fixture.Put("a.jpg", "fine");
        fixture.Put("marker/", []);
        fixture.Put(path, "hostile");
        await Assert.ThrowsAsync<IntegrityException>(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        Assert.Equal(0, fixture.Origin.Reads);
        Assert.Empty(Directory.EnumerateFiles(fixture.Root, "*.jpg", SearchOption.AllDirectories));
        fault.Fired();

        // Without it all is well, and the marker of a folder is skipped.
        fixture.Origin.Delete("datasets/cats/" + path);
        await using (var lease = await fault.HealsAsync(() => fixture.Open().AcquireAsync(fixture.Request(1))))
            fault.HandedOut(lease.Path, fixture.Contents("a.jpg"));
        fault.ReadOnce(fixture.Origin.Repeated);
        await fixture.EndAsync(fault);
    }

    [Fact]
    [Trait("Fault", "22")]
    public async Task A_file_that_is_also_a_directory_is_refused_and_a_marker_is_skipped()
    {
        fixture.Put("a", "file");
        fixture.Put("marker/", []);
        await using (var lease = await fixture.Open().AcquireAsync(fixture.Request()))
            fixture.AssertHoldsTheOrigin(lease.Path, "a");
        fixture.Put("a/b", "below");
        await Assert.ThrowsAsync<IntegrityException>(() => fixture.Open().AcquireAsync(fixture.Request(snapshot: "snap_2")));
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task A_dataset_that_changes_while_it_is_read_is_never_a_mixture()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 50_000));
        fixture.Put("b.jpg", MemoryOrigin.Bytes(2, 50_000));
        var fired = 0;
        fixture.Origin.BeforeRead = (_, number, _) =>
        {
            if (number == 1)
            {
                fired++;
                fixture.Put("a.jpg", MemoryOrigin.Bytes(11, 50_000));
                fixture.Put("b.jpg", MemoryOrigin.Bytes(12, 50_000));
            }
            return ValueTask.CompletedTask;
        };
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request());
        Assert.Equal(1, fired);
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "b.jpg");
        Assert.Equal(2, fixture.Origin.Listings);
    }

    [Fault(21)]
    public async Task What_was_here_before_the_dataset_changed_is_not_mixed_with_what_came_after()
    {
        var fault = fixture.Case(21);
        fixture.Put("a.bin", MemoryOrigin.Bytes(1, 9_000_000));
        fixture.Put("b.bin", MemoryOrigin.Bytes(2, 9_000_000));
        var fired = 0;
        fixture.Origin.BeforeRead = (_, number, _) =>
        {
            // One of them is whole; both get other bytes of the same number.
            if (number == 2)
            {
                fired++;
                fixture.Put("a.bin", MemoryOrigin.Bytes(11, 9_000_000));
                fixture.Put("b.bin", MemoryOrigin.Bytes(12, 9_000_000));
            }
            return ValueTask.CompletedTask;
        };
        await using var lease = await fixture.Open(options => options with { Concurrency = 1 }).AcquireAsync(fixture.Request());
        Assert.Equal((1, 2, 27_000_000), (fired, fixture.Origin.Listings, lease.BytesFromOrigin));
        fault.HandedOut(lease.Path, fixture.Contents("a.bin", "b.bin"));
        fault.Fired(fired);
        await fixture.EndAsync(fault);
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task What_a_restart_links_again_was_reused_once()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 50_000));
        var cache = fixture.Open();
        await using (await cache.AcquireAsync(fixture.Request(snapshot: "snap_1"))) { }
        fixture.Put("b.jpg", MemoryOrigin.Bytes(2, 50_000));
        var fired = 0;
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            if (++fired == 1)
                fixture.Put("b.jpg", MemoryOrigin.Bytes(3, 50_000));
            return default;
        };
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((2, 50_000, 50_000), (fired, lease.ReusedBytes, lease.BytesFromOrigin));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "b.jpg");
    }

    [Fact]
    [Trait("Fault", "21")]
    public async Task A_dataset_that_never_stops_changing_is_an_error_that_says_so()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 50_000));
        fixture.Origin.BeforeRead = (_, number, _) =>
        {
            fixture.Put("a.jpg", MemoryOrigin.Bytes(100 + number, 50_000));
            return ValueTask.CompletedTask;
        };
        var error = await Assert.ThrowsAsync<OriginException>(() => fixture.Open().AcquireAsync(fixture.Request()));
        Assert.Equal(ErrorCode.SourceChanged, error.Code);
        Assert.True(error.IsWorthRetrying);
        Assert.Empty(fixture.Open().List());
    }
}
