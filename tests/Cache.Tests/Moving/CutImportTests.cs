using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Moving;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Moving;

/// <summary>Imports that end before their end: whatever was cut, only whole entries are ready (I1), and nothing else is left (I5).</summary>
public sealed class CutImportTests : IAsyncLifetime
{
    private readonly TwoHosts hosts = new();
    private readonly string[] keys = new string[2];
    private byte[] archive = [];

    public async ValueTask InitializeAsync()
    {
        hosts.Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        hosts.Fixture.Put("deep/b.jpg", MemoryOrigin.Bytes(2, Pieces.Size + 10));
        keys[0] = await hosts.GetAsync("snap_1");
        hosts.Fixture.Put("c.jpg", MemoryOrigin.Bytes(3, 6000));
        keys[1] = await hosts.GetAsync("snap_2");
        archive = await hosts.ExportAsync(keys);
    }

    public ValueTask DisposeAsync() => hosts.DisposeAsync();

    [Fact]
    [Trait("Fault", "24")]
    public async Task Cut_at_any_offset_an_archive_gives_its_whole_entries_and_an_error_that_names_them()
    {
        // Every boundary of blocks in the small parts, and offsets beside them.
        var offsets = Enumerable.Range(0, archive.Length / 512).Select(block => block * 512).Where(offset => offset < 30_000 || offset > archive.Length - 30_000)
            .SelectMany(offset => offset % 5 == 0 ? [offset, offset + 1, offset + 300] : new[] { offset }).Append(2_000_000).Where(offset => offset < archive.Length - 1024);
        var seen = new HashSet<int>();
        foreach (var offset in offsets)
        {
            await using var target = hosts.OpenTarget();
            var error = await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(target, archive[..offset]));
            Assert.Contains("ends too early", error.Message, StringComparison.Ordinal);
            var ready = target.List().OrderBy(entry => entry.SnapshotId, StringComparer.Ordinal).ToArray();
            Assert.Equal(keys.Take(ready.Length), ready.Select(entry => entry.CacheKey));
            Assert.All(ready, entry => Assert.True(hosts.IsSound(entry.CacheKey)));
            Assert.Equal(ready.Length > 0, error.Message.Contains("Ready before that", StringComparison.Ordinal));
            hosts.AssertStagingIsClean();
            seen.Add(ready.Length);
            foreach (var entry in ready)
                await target.EvictAsync(entry.CacheKey);
        }
        Assert.Equal([0, 1, 2], seen.Order());
    }

    [Fact]
    [Trait("Fault", "9")]
    public async Task The_nth_call_fails_for_every_n_and_only_what_is_whole_is_ready()
    {
        // 1,500 calls and a piece of 4 MiB each time would be minutes: every third, and all of the last.
        var calls = 0;
        await using (var counted = hosts.OpenTarget(files: new FileSystem(_ => Interlocked.Increment(ref calls) * 0)))
        {
            calls = 0;
            await TwoHosts.ImportAsync(counted, archive);
            foreach (var key in keys)
                await counted.EvictAsync(key);
        }
        var failures = 0;
        for (var nth = 1; nth < calls; nth += nth > calls * 3 / 4 ? 1 : 3)
        {
            var count = -1_000_000;
            await using var target = hosts.OpenTarget(change: options => options with { Durable = true }, files: new FileSystem(_ => Interlocked.Increment(ref count) == nth ? 5 : 0));
            count = 0;
            try
            {
                await TwoHosts.ImportAsync(target, archive);
            }
            catch (DatasetCacheException)
            {
                failures++;
            }
            count = int.MinValue;
            foreach (var entry in target.List())
                Assert.True(hosts.IsSound(entry.CacheKey), $"call {nth}");
            var again = await TwoHosts.ImportAsync(target, archive);
            Assert.Equal(keys, again.Entries.Select(entry => entry.CacheKey));
            target.Sweep(TimeSpan.Zero);
            hosts.AssertStagingIsClean();
            foreach (var key in keys)
            {
                Assert.True(hosts.IsSound(key), $"call {nth}");
                Assert.Equal(EvictionOutcome.Evicted, (await target.EvictAsync(key)).Outcome);
            }
        }
        Assert.True(failures > calls / 8, $"only {failures} of {calls} calls failed an import");
    }

    [Fact]
    public async Task Cancelled_in_the_middle_an_import_leaves_nothing()
    {
        var target = hosts.OpenTarget();
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => target.ImportAsync(new Slow(archive, () => stop.Cancel()), cancellationToken: stop.Token));
        Assert.Empty(target.List());
        hosts.AssertStagingIsClean();
    }

    [Fact]
    [Trait("Fault", "4")]
    public async Task Into_a_nearly_full_quota_an_import_evicts_what_it_may_or_says_what_is_missing()
    {
        var target = hosts.OpenTarget(options => options with { MaxSize = 2_000_000, LowMarkPercent = 100 });
        // Nothing else: both entries share their files, and fit.
        Assert.Equal(2, (await TwoHosts.ImportAsync(target, archive)).Entries.Count);

        hosts.Fixture.Put("deep/b.jpg", MemoryOrigin.Bytes(7, Pieces.Size + 500_000));
        var third = await hosts.GetAsync("snap_3");
        var more = await hosts.ExportAsync(third);
        var held = await target.AcquireAsync(hosts.Fixture.Request(snapshot: "snap_1"));
        var error = await Assert.ThrowsAsync<NoSpaceException>(() => TwoHosts.ImportAsync(target, more));
        Assert.True(error.IsWorthRetrying);
        Assert.Null(target.Inspect(third));
        hosts.AssertStagingIsClean();
        await held.DisposeAsync();
        await TwoHosts.ImportAsync(target, more);
        Assert.True(hosts.IsSound(third));
        Assert.Null(target.Inspect(keys[0]));
        Assert.True(target.Space().Used <= 2_000_000);
    }

    [Fact]
    public async Task An_import_waits_for_a_download_of_the_same_dataset_and_takes_what_it_made()
    {
        var target = hosts.OpenTarget(options => options with { Offline = false });
        var reached = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        hosts.Fixture.Origin.BeforeRead = async (_, _, _) =>
        {
            reached.TrySetResult();
            await go.Task;
        };
        var download = target.AcquireAsync(hosts.Fixture.Request(snapshot: "snap_2"));
        await reached.Task;
        var input = new Slow(archive, () => { });
        var import = target.ImportAsync(input);
        await input.Passed;
        go.SetResult();
        await using var lease = await download;
        Assert.Equal([(keys[0], false), (keys[1], true)], (await import).Entries.Select(entry => (entry.CacheKey, entry.WasThere)));
        Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
        Assert.True(hosts.IsSound(keys[1]));
        hosts.AssertStagingIsClean();
    }

    [Fact]
    public async Task What_a_download_left_is_its_own_and_is_resumed_after_an_import_was_refused()
    {
        hosts.Fixture.Origin.BeforeRead = (name, _, _) => name.EndsWith("b.jpg", StringComparison.Ordinal) ? throw new OriginException(OriginFailure.NotFound, "Gone.", name, 404) : ValueTask.CompletedTask;
        var online = hosts.OpenTarget(options => options with { Offline = false });
        await Assert.ThrowsAnyAsync<OriginException>(() => online.AcquireAsync(hosts.Fixture.Request(snapshot: "snap_2")));
        hosts.Fixture.Origin.BeforeRead = null;
        var staged = Directory.EnumerateFiles(Path.Join(hosts.There, "staging"), "*.jpg", SearchOption.AllDirectories).Select(Path.GetFileName).Order().ToArray();
        var wrong = archive.ToArray();
        wrong[^6000] ^= 1;
        await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(online, wrong));
        Assert.Equal(staged, Directory.EnumerateFiles(Path.Join(hosts.There, "staging"), "*.jpg", SearchOption.AllDirectories).Select(Path.GetFileName).Order());
        await using var lease = await online.AcquireAsync(hosts.Fixture.Request(snapshot: "snap_2"));
        hosts.Fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "c.jpg", "deep/b.jpg");
    }

    [Fact]
    [Trait("Fault", "24")]
    public async Task What_a_killed_import_of_another_archive_left_is_not_built_on()
    {
        var target = hosts.OpenTarget();
        var members = RawTar.Members(archive);
        var entry = ForeignEntry.Check(EntryRecord.FromJson(members[1].Content), out _)!;
        using (var root = CacheRoot.Open(hosts.There))
        {
            // Same dataset, same names, sizes and ETags, other bytes, and a journal that vouches for them.
            using var left = await StagingArea.TakeAsync(root, StagingArea.NameFor(entry.Identity) + "~import", TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
            using var source = new FileSystem().OpenRoot(Path.Join(hosts.Fixture.Root, "entries", keys[0]));
            left!.Begin(new Manifest(ManifestText.Read(source, "manifest")!.Select(line => line.File)));
            left.WriteWhole(0, MemoryOrigin.Bytes(99, 10_000));
        }
        await TwoHosts.ImportAsync(target, archive);
        Assert.Equal(MemoryOrigin.Bytes(1, 10_000), await File.ReadAllBytesAsync(Path.Join(hosts.There, "snapshots", keys[0], "a.jpg")));
        Assert.All(keys, key => Assert.True(hosts.IsSound(key)));
        hosts.AssertStagingIsClean();
    }

    /// <summary>An archive that does something before its second half.</summary>
    private sealed class Slow(byte[] archive, Action middle) : MemoryStream(archive)
    {
        private readonly TaskCompletionSource passed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Passed => passed.Task;

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (Position > Length / 2 && !passed.Task.IsCompleted)
            {
                middle();
                passed.TrySetResult();
            }
            return base.Read(buffer, offset, Math.Min(count, 65_536));
        }
    }
}
