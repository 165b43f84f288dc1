using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class JobLinkTests : IAsyncDisposable
{
    private static readonly string[] Files = ["a.jpg", "labels/a.txt"];
    private readonly CacheFixture fixture = new();

    public JobLinkTests()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 5_000));
        fixture.Put("labels/a.txt", "0 0.5 0.5 1 1");
        Link = fixture.Job(1) + "/dataset";
    }

    private string Link { get; }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private Task<DatasetLease> Get(LinkMode mode = LinkMode.Symlink, string snapshot = "snap_1")
        => fixture.Open().AcquireAsync(fixture.Request(1, snapshot) with { Link = mode, JobId = "job-1" });

    [Fact]
    public async Task An_old_link_is_replaced()
    {
        Directory.CreateDirectory(fixture.Job(1));
        Directory.CreateSymbolicLink(Link, "/nowhere");
        await using var lease = await Get();
        Assert.Equal(lease.SnapshotPath, new FileInfo(Link).LinkTarget);
        await using var other = await Get(snapshot: "snap_2");
        Assert.Equal(other.SnapshotPath, new FileInfo(Link).LinkTarget);
    }

    [Theory]
    [InlineData(LinkMode.Symlink)]
    [InlineData(LinkMode.Tree)]
    [InlineData(LinkMode.Copy)]
    public async Task A_real_directory_in_its_place_is_an_error_that_deletes_nothing(LinkMode mode)
    {
        Directory.CreateDirectory(Link);
        File.WriteAllText(Link + "/mine", "precious");
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => Get(mode));
        Assert.Contains("a real directory", error.Message, StringComparison.Ordinal);
        Assert.Equal(["mine"], Directory.EnumerateFileSystemEntries(Link).Select(Path.GetFileName));
        Assert.Throws<InvalidRequestException>(() => fixture.Open().Release(fixture.Job(1)));
        Assert.Equal("precious", File.ReadAllText(Link + "/mine"));
    }

    [Fact]
    public async Task The_link_is_a_root_until_it_is_gone()
    {
        await (await Get()).DisposeAsync();
        var cache = fixture.Open();
        var holder = Assert.Single(Assert.Single(cache.List()).Holders);
        Assert.Equal((Link, "job-1"), (holder.Link, holder.JobId));
        File.Delete(Link);
        Assert.Empty(Assert.Single(cache.List()).Holders);
    }

    [Fact]
    public async Task A_link_that_points_elsewhere_by_now_holds_nothing()
    {
        await (await Get()).DisposeAsync();
        File.Delete(Link);
        Directory.CreateSymbolicLink(Link, "/nowhere");
        var cache = fixture.Open();
        Assert.Empty(Assert.Single(cache.List()).Holders);
        Assert.Throws<InvalidRequestException>(() => cache.Release(fixture.Job(1)));
        Assert.Equal("/nowhere", new FileInfo(Link).LinkTarget);
    }

    [Fact]
    public async Task Release_removes_the_link_and_the_root()
    {
        var lease = await Get();
        await lease.DisposeAsync();
        var cache = fixture.Open();
        var released = cache.Release(fixture.Job(1));
        Assert.Equal((true, lease.CacheKey), (released.Removed, released.CacheKey));
        Assert.False(Path.Exists(Link));
        Assert.Empty(Directory.EnumerateFiles(Path.Join(fixture.Root, "roots")));
        Assert.False(cache.Release(fixture.Job(1)).Removed);
    }

    [Fact]
    public async Task A_tree_can_be_written_beside_the_data_and_keeps_that_when_released()
    {
        var lease = await Get(LinkMode.Tree);
        fixture.AssertHoldsTheOrigin(lease.Path, Files);
        File.WriteAllText(Link + "/labels.cache", "mine");
        await (await Get(LinkMode.Tree)).DisposeAsync();
        Assert.Equal("mine", File.ReadAllText(Link + "/labels.cache"));
        await lease.DisposeAsync();
        var cache = fixture.Open();
        Assert.Single(Assert.Single(cache.List()).Holders);

        var released = cache.Release(fixture.Job(1));
        Assert.Equal((false, 1), (released.Removed, released.KeptFiles));
        Assert.Equal(["labels.cache"], Directory.EnumerateFileSystemEntries(Link).Select(Path.GetFileName));
        Assert.Empty(Assert.Single(cache.List()).Holders);
    }

    [Fact]
    public async Task A_tree_of_another_version_is_not_replaced_silently()
    {
        await using var lease = await Get(LinkMode.Tree);
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => Get(LinkMode.Tree, "snap_2"));
        Assert.Contains("dscache release", error.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_is_the_jobs_own()
    {
        await using var lease = await Get(LinkMode.Copy);
        fixture.AssertHoldsTheOrigin(lease.Path, Files);
        File.AppendAllText(Link + "/labels/a.txt", "changed");
        Assert.Equal("0 0.5 0.5 1 1", File.ReadAllText(Path.Join(lease.SnapshotPath, "labels/a.txt")));
        Assert.Empty(Assert.Single(fixture.Open().List()).Holders);
        Assert.True(fixture.Open().Release(fixture.Job(1)).Removed);
        Assert.False(Path.Exists(Link));
    }

    [Fact]
    public async Task A_job_directory_inside_the_cache_is_refused()
        => await Assert.ThrowsAsync<InvalidRequestException>(() => fixture.Open().AcquireAsync(fixture.Request() with { JobDirectory = fixture.Root + "/snapshots/x" }));

    [Fact]
    public async Task A_lease_is_seen_while_it_is_held()
    {
        var lease = await Get();
        var cache = fixture.Open();
        Assert.True(cache.Inspect(lease.CacheKey)!.IsLeased);
        await lease.DisposeAsync();
        Assert.False(cache.Inspect(lease.CacheKey)!.IsLeased);
    }
}
