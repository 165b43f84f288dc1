using System.Diagnostics;
using DatasetCache.Eviction;
using DatasetCache.Store;
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

    [Fact]
    public async Task A_job_that_asks_again_keeps_its_registration_and_one_that_asks_for_another_dataset_gets_a_new_one()
    {
        await using var first = await Get();
        var registered = Assert.Single(Directory.GetFiles(Path.Join(fixture.Root, "roots")));
        var text = File.ReadAllText(registered);
        File.SetLastWriteTimeUtc(registered, DateTime.UnixEpoch);
        await using var again = await Get();
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(registered));
        await using var other = await Get(snapshot: "snap_2");
        Assert.NotEqual(text, File.ReadAllText(registered));
        Assert.Contains(other.CacheKey, File.ReadAllText(registered), StringComparison.Ordinal);
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

    [Theory]
    [InlineData(LinkMode.Tree)]
    [InlineData(LinkMode.Copy)]
    public async Task What_a_kill_left_half_made_is_gone_on_with(LinkMode mode)
    {
        // The last thing before the first file: the directory stands, known for ours, with nothing in it.
        using var cancel = new CancellationTokenSource();
        await (await Get()).DisposeAsync();
        fixture.Open().Release(fixture.Job(1));
        var killed = new FileSystem(call =>
        {
            if (call is "rename" && Directory.Exists(fixture.Job(1)))
                cancel.Cancel();
            return 0;
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fixture.Open(files: killed).AcquireAsync(fixture.Request(1) with { Link = mode }, cancellationToken: cancel.Token));
        Assert.Empty(Directory.EnumerateFiles(Link, "*", SearchOption.AllDirectories));
        await using var lease = await Get(mode);
        fixture.AssertHoldsTheOrigin(lease.Path, Files);
        Assert.True(fixture.Open().Release(fixture.Job(1)).Removed);
    }

    [Theory]
    [InlineData(LinkMode.Tree)]
    [InlineData(LinkMode.Copy)]
    public async Task All_ranks_of_a_job_may_ask_at_once(LinkMode mode)
    {
        for (var i = 0; i < 200; i++)
            fixture.Put($"many/{i}.jpg", MemoryOrigin.Bytes(i, 100));
        var caches = Enumerable.Range(0, 8).Select(_ => fixture.Open()).ToArray();
        var leases = await Task.WhenAll(caches.Select(cache => Task.Run(() => cache.AcquireAsync(fixture.Request(1) with { Link = mode }))));
        Assert.All(leases, lease => fixture.AssertHoldsTheOrigin(lease.Path, [.. Files, .. Enumerable.Range(0, 200).Select(i => $"many/{i}.jpg")]));
        Assert.Equal(["dataset"], Directory.EnumerateFileSystemEntries(fixture.Job(1)).Select(Path.GetFileName));
        fixture.AssertStagingIsClean();
    }

    [Theory]
    [InlineData(LinkMode.Tree)]
    [InlineData(LinkMode.Copy)]
    public async Task The_longest_name_that_a_disk_takes_has_room(LinkMode mode)
    {
        var name = new string('n', 251) + ".jpg";
        fixture.Put(name, MemoryOrigin.Bytes(1, 100));
        await using var lease = await Get(mode);
        fixture.AssertHoldsTheOrigin(lease.Path, [.. Files, name]);
    }

    [Fact]
    [Trait("Fault", "23")]
    public async Task A_directory_of_the_users_that_got_the_number_of_ours_is_not_deleted()
    {
        await (await Get(LinkMode.Copy)).DisposeAsync();
        var probe = new FileSystem().OpenRoot(fixture.Job(1));
        var ours = probe.Status(JobLink.Name)!.Value;
        Assert.SkipWhen(ours.Born == 0, "this file system does not know when a directory was made");
        Directory.Delete(Link, recursive: true);
        Directory.CreateDirectory(Link);
        File.WriteAllText(Link + "/mine", "precious");
        // As if the number had come round: some file systems give it out again at once, others hardly ever.
        var record = Assert.Single(Directory.EnumerateFiles(Path.Join(fixture.Root, "roots")));
        var theirs = probe.Status(JobLink.Name)!.Value;
        probe.Dispose();
        File.WriteAllText(record, File.ReadAllText(record).Replace($"\"inode\": {ours.Inode},", $"\"inode\": {theirs.Inode},", StringComparison.Ordinal));
        Assert.Contains($"{theirs.Inode}", File.ReadAllText(record), StringComparison.Ordinal);
        Assert.Throws<InvalidRequestException>(() => fixture.Open().Release(fixture.Job(1)));
        Assert.Equal("precious", File.ReadAllText(Link + "/mine"));
    }

    [Fact]
    [Trait("Fault", "4")]
    public async Task A_copy_onto_a_full_disk_says_so_and_is_gone_on_with_when_there_is_room()
    {
        fixture.Put("large.bin", MemoryOrigin.Bytes(1, 3_000_000));
        await (await Get()).DisposeAsync();
        fixture.Open().Release(fixture.Job(1));
        Assert.SkipUnless(await MountAsync("-t", "tmpfs", "-o", "size=1m", "none", fixture.Job(1)), "only root may mount a small disk");
        try
        {
            var error = await Assert.ThrowsAsync<NoSpaceException>(() => Get(LinkMode.Copy));
            Assert.Contains(Link, error.Message, StringComparison.Ordinal);
            Assert.True(await MountAsync("-o", "remount,size=8m", fixture.Job(1)));
            await using var lease = await Get(LinkMode.Copy);
            fixture.AssertHoldsTheOrigin(lease.Path, [.. Files, "large.bin"]);
        }
        finally
        {
            await RunAsync("umount", "-l", fixture.Job(1));
        }
    }

    private static Task<bool> MountAsync(params string[] arguments) => RunAsync("mount", arguments);

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode == 0;
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
