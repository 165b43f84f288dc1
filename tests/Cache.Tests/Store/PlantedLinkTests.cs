using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

/// <summary>Somebody else who may write into the cache root puts a link where the cache is about to write: nothing outside may change (I3).</summary>
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

    [FaultTheory(23)]
    [InlineData("tree/images", true)]
    [InlineData("tree", true)]
    [InlineData("tree/images", false)]
    [InlineData("tree", false)]
    public async Task A_link_in_place_of_a_staging_directory_is_not_followed(string planted, bool openAt2)
    {
        var fault = fixture.Case(23);
        fault.Guard(outside.Path);
        var files = new FileSystem(useOpenAt2: openAt2);
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            var path = fixture.Staged(planted);
            if (Directory.Exists(path))
                Directory.Move(path, path + ".moved");
            Directory.CreateSymbolicLink(path, outside.Path);
            fault.Fired();
            return ValueTask.CompletedTask;
        };
        // Either it is noticed, or the bytes went into the directory that is really ours.
        await Record.ExceptionAsync(() => fixture.Open(files: files).AcquireAsync(fixture.Request(1)));
        fixture.Origin.BeforeRead = null;
        await using var lease = await fault.HealsAsync(() => fixture.Open(files: files).AcquireAsync(fixture.Request(1)));
        fault.HandedOut(lease.Path, fixture.Contents("images/a.jpg"));
        await fixture.EndAsync(fault);
    }

    [Fault(23)]
    public async Task A_directory_in_place_of_the_one_that_was_filled_is_not_published()
    {
        var fault = fixture.Case(23);
        fixture.Origin.BeforeRead = (_, _, _) =>
        {
            Directory.Move(fixture.Staged("tree"), fixture.Staged("tree") + ".moved");
            Directory.CreateDirectory(fixture.Staged("tree", "images"));
            File.WriteAllText(fixture.Staged("tree", "images", "a.jpg"), "evil");
            fault.Fired();
            return ValueTask.CompletedTask;
        };
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        Assert.Empty(fixture.Open().List());

        fixture.Origin.BeforeRead = null;
        await using var lease = await fault.HealsAsync(() => fixture.Open().AcquireAsync(fixture.Request(1)));
        fault.HandedOut(lease.Path, fixture.Contents("images/a.jpg"));
        await fixture.EndAsync(fault);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Fault", "23")]
    public async Task A_link_in_place_of_a_file_is_not_written_through(bool openAt2)
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
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open(files: new FileSystem(useOpenAt2: openAt2)).AcquireAsync(fixture.Request(1)));
        Assert.True(fired);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    [Trait("Fault", "23")]
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Fault", "23")]
    public void A_directory_on_the_way_that_is_a_link_is_never_followed(bool openAt2)
    {
        var victim = outside.Write("deep/victim", "precious");
        using var inside = new TempFolder();
        Directory.CreateSymbolicLink(inside["link"], outside.Path);
        using var directory = new FileSystem(useOpenAt2: openAt2).OpenRoot(inside.Path);
        foreach (var path in new[] { "link/deep/victim", "link/deep/new", "link/new" })
        {
            Assert.Equal(Syscalls.ELOOP, Assert.Throws<StorageException>(() => directory.TryOpen(path)).Errno);
            Assert.Equal(Syscalls.ELOOP, Assert.Throws<StorageException>(() => directory.OpenOrCreate(path, 0x1A4)).Errno);
            Assert.Equal(Syscalls.ELOOP, Assert.Throws<StorageException>(() => directory.Delete(path)).Errno);
            Assert.Equal(Syscalls.ELOOP, Assert.Throws<StorageException>(() => directory.MakeDirectories(path)).Errno);
        }
        Assert.Equal(Syscalls.ELOOP, Assert.Throws<StorageException>(() => directory.TryOpenDirectory("link")).Errno);
        Assert.Throws<StorageException>(() => directory.TryOpen("../" + Path.GetFileName(outside.Path) + "/deep/victim"));
        Assert.Null(directory.TryOpen("nowhere/at/all"));
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.Equal([outside["deep"]], Directory.EnumerateFileSystemEntries(outside.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Fault", "23")]
    public async Task A_room_of_the_cache_that_is_a_link_is_refused_with_words(bool openAt2)
    {
        Directory.CreateDirectory(fixture.Root);
        Directory.CreateSymbolicLink(Path.Join(fixture.Root, "snapshots"), outside.Path);
        var error = await Assert.ThrowsAsync<StorageException>(async () => await fixture.Open(files: new FileSystem(useOpenAt2: openAt2)).AcquireAsync(fixture.Request(1)));
        Assert.Contains("symbolic link", error.Message, StringComparison.Ordinal);
    }
}
