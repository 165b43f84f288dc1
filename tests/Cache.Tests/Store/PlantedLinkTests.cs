using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

/// <summary>Somebody else who may write into the cache root puts a link where the cache is about to write: nothing outside may change (I3).</summary>
[Trait("Fault", "23")]
public sealed class PlantedLinkTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();
    private readonly TempFolder outside = new();

    public PlantedLinkTests() => fixture.Put("images/a.jpg", MemoryOrigin.Bytes(1, 40_000));

    public async ValueTask DisposeAsync()
    {
        await fixture.DisposeAsync();
        outside.Dispose();
    }

    [Theory]
    [InlineData("tree/images")]
    [InlineData("tree")]
    public async Task A_link_in_place_of_a_staging_directory_is_not_followed(string planted)
    {
        var fired = false;
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            var path = fixture.Staged(planted);
            if (Directory.Exists(path))
                Directory.Move(path, path + ".moved");
            Directory.CreateSymbolicLink(path, outside.Path);
            fired = true;
            return ValueTask.CompletedTask;
        };
        // Either it is noticed, or the bytes went into the directory that is really ours.
        await Record.ExceptionAsync(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        Assert.True(fired);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside.Path));

        fixture.Origin.BeforeRead = null;
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(1));
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "images/a.jpg");
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside.Path));
    }

    [Fact]
    public async Task A_link_in_place_of_a_file_is_not_written_through()
    {
        var victim = outside.Write("victim", "precious");
        var fired = false;
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            Directory.CreateDirectory(fixture.Staged("tree", "images"));
            File.CreateSymbolicLink(fixture.Staged("tree", "images", "a.jpg"), victim);
            fired = true;
            return ValueTask.CompletedTask;
        };
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        Assert.True(fired);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public async Task Cleaning_up_removes_a_planted_link_and_not_what_it_points_at()
    {
        var victim = outside.Write("deep/victim", "precious");
        fixture.Origin.BeforeRead = (_, _, _) => throw new InvalidOperationException("cut");
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        Directory.CreateSymbolicLink(fixture.Staged("tree", "link"), outside["deep"]);
        Assert.Equal(1, fixture.Open().Sweep(TimeSpan.Zero));
        Assert.Equal("precious", File.ReadAllText(victim));
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task A_room_of_the_cache_that_is_a_link_is_refused_with_words()
    {
        Directory.CreateDirectory(fixture.Root);
        Directory.CreateSymbolicLink(Path.Join(fixture.Root, "snapshots"), outside.Path);
        var error = await Assert.ThrowsAsync<StorageException>(async () => await fixture.Open().AcquireAsync(fixture.Request(1)));
        Assert.Contains("symbolic link", error.Message, StringComparison.Ordinal);
    }
}
