using DatasetCache.Cache.Tests.Eviction;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

public sealed class FailingCallTests
{
    private static readonly string[] Files = ["a.jpg", "images/b.jpg", "images/large.bin"];

    /// <summary>SQLite's method: the first call to the file system fails, then the second, and so on until one run has no failure.</summary>
    [FaultTheory(9)]
    [InlineData(5, true)]   // EIO
    [InlineData(28, true)]  // ENOSPC
    [InlineData(5, false)]
    public async Task Whichever_call_fails_nothing_broken_is_ready_and_the_next_get_succeeds(int errno, bool cold)
    {
        var fault = new FaultCase(9);
        for (var n = 1; ; n++)
        {
            await using var fixture = new CacheFixture();
            var surroundings = fixture.Case(9);
            fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));
            fixture.Put("images/b.jpg", MemoryOrigin.Bytes(2, 100));
            fixture.Put("images/large.bin", MemoryOrigin.Bytes(3, 5_000_000));
            if (!cold)
                await using (await fixture.Open().AcquireAsync(fixture.Request(snapshot: "snap_0"))) { }

            var calls = 0;
            var hit = false;
            var failing = new FileSystem(call =>
            {
                hit |= Interlocked.Increment(ref calls) == n;
                return calls == n ? errno : 0;
            });
            try
            {
                await using var lease = await fixture.Open(options => options with { Durable = true, Concurrency = 1 }, failing).AcquireAsync(fixture.Request(1));
                fixture.AssertHoldsTheOrigin(lease.Path + "/", Files);
            }
            catch (DatasetCacheException)
            {
                // Typed, whatever it was. Anything else fails the test.
            }
            if (!hit)
                break;
            fault.Fired();

            // What a fresh process calls ready is whole; it comes to that by itself; nothing is left over.
            var healthy = fixture.Open();
            foreach (var entry in healthy.List())
                fault.HandedOut(entry.Path, fixture.Contents(Files));
            await using (var again = await fault.HealsAsync(() => healthy.AcquireAsync(fixture.Request(1))))
                fault.HandedOut(again.Path, fixture.Contents(Files));
            await using (var third = await fixture.Open().AcquireAsync(fixture.Request()))
                fault.ReadOnce(third.BytesFromOrigin);
            fault.Worst(fixture.Origin.Repeated, "bytes read twice");
            healthy.Sweep(TimeSpan.Zero);
            fault.NoOrphans(fixture.Root);
            surroundings.AssertUntouched(fault);
        }
        Assert.True(fault.Fires > 50, $"only {fault.Fires} calls were made to fail");
        fault.End();
    }

    /// <summary>The same where another entry must be evicted for it, whose files a third one shares.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(28)]
    [Trait("Fault", "9")]
    public async Task Whichever_call_fails_while_room_is_made_what_is_protected_stays_and_the_quota_holds(int errno)
    {
        const long Quota = 60_000;
        var (fired, evicted) = (0, 0);
        for (var n = 1; ; n++)
        {
            await using var fixture = new CacheFixture();
            LocalDatasetCache Full(FileSystem? files = null) => fixture.Open(options => options with { MaxSize = Quota, Concurrency = 1 }, files);
            fixture.Put("shared.bin", MemoryOrigin.Bytes(1, 8_000));
            fixture.Put("own.bin", MemoryOrigin.Bytes(2, 20_000));
            await using (await Full().AcquireAsync(fixture.Request(snapshot: "snap_old"))) { }
            fixture.Put("own.bin", MemoryOrigin.Bytes(3, 12_000));
            string kept;
            await using (var lease = await Full().AcquireAsync(fixture.Request(snapshot: "snap_kept")))
                kept = lease.CacheKey;
            Assert.True(Full().Pin(kept));
            fixture.Put("own.bin", MemoryOrigin.Bytes(4, 30_000));

            var calls = 0;
            var hit = false;
            var failing = new FileSystem(call =>
            {
                hit |= Interlocked.Increment(ref calls) == n;
                return calls == n ? errno : 0;
            });
            try
            {
                var cache = Full(failing);
                cache.Evicted += (_, _) => evicted++;
                await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_new"));
                fixture.AssertHoldsTheOrigin(lease.Path, "shared.bin", "own.bin");
            }
            catch (DatasetCacheException)
            {
                // Typed, whatever it was.
            }
            Assert.InRange(DiskUse.Of(fixture.Root), 1, Quota);
            Assert.Equal(MemoryOrigin.Bytes(3, 12_000), File.ReadAllBytes(Path.Join(fixture.Root, "snapshots", kept, "own.bin")));
            Assert.Equal(MemoryOrigin.Bytes(1, 8_000), File.ReadAllBytes(Path.Join(fixture.Root, "snapshots", kept, "shared.bin")));
            if (!hit)
                break;
            fired++;

            var healthy = Full();
            await using (var again = await healthy.AcquireAsync(fixture.Request(snapshot: "snap_new")))
                fixture.AssertHoldsTheOrigin(again.Path, "shared.bin", "own.bin");
            Assert.InRange(DiskUse.Of(fixture.Root), 1, Quota);
            Assert.InRange(healthy.Space().Entries, DiskUse.Of(fixture.Root), Quota);
            await healthy.PruneAsync(new() { Orphaned = true });
            fixture.AssertStagingIsClean();
        }
        Assert.True(fired > 100 && evicted > 20, $"{fired} calls were made to fail, {evicted} evictions");
    }

    [Fact]
    [Trait("Fault", "5")]
    public async Task A_failed_sync_is_never_ready()
    {
        await using var fixture = new CacheFixture();
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));
        var fired = 0;
        var failing = new FileSystem(call => call is "syncfs" && ++fired > 0 ? Syscalls.EIO : 0);
        var error = await Assert.ThrowsAsync<StorageException>(() => fixture.Open(options => options with { Durable = true }, failing).AcquireAsync(fixture.Request(1)));
        Assert.Equal(Syscalls.EIO, error.Errno);
        Assert.Equal(1, fired);
        Assert.Empty(fixture.Open().List());
        Assert.False(Path.Exists(fixture.Job(1) + "/dataset"));
    }

    [Fact]
    [Trait("Fault", "5")]
    public async Task Whichever_sync_fails_the_dataset_is_not_ready_and_what_the_disk_refused_is_fetched_again()
    {
        var fired = 0;
        for (var n = 1; ; n++)
        {
            await using var fixture = new CacheFixture();
            fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));
            fixture.Put("large.bin", MemoryOrigin.Bytes(3, 5_000_000));
            var syncs = 0;
            var failed = "";
            var failing = new FileSystem(call =>
            {
                if (!call.Contains("sync", StringComparison.Ordinal) || Interlocked.Increment(ref syncs) != n)
                    return 0;
                failed = call;
                return Syscalls.EIO;
            });
            var error = await Record.ExceptionAsync(() => fixture.Open(options => options with { Durable = true }, failing).AcquireAsync(fixture.Request(1)));
            if (failed.Length == 0)
                break;
            fired++;
            Assert.Equal(Syscalls.EIO, Assert.IsType<StorageException>(error).Errno);
            Assert.Empty(fixture.Open().List());

            // The bytes are still in memory and look whole: only what was not refused may be kept.
            await using var again = await fixture.Open().AcquireAsync(fixture.Request(1));
            Assert.Equal(failed is "syncfs" ? (AcquireOutcome.Miss, 5_006_000) : (AcquireOutcome.Miss, 0), (again.Outcome, again.BytesFromOrigin));
            fixture.AssertHoldsTheOrigin(again.Path + "/", "a.jpg", "large.bin");
        }
        Assert.Equal(5, fired);
    }

    [Fact]
    [Trait("Fault", "5")]
    public async Task Nobody_is_told_of_a_dataset_before_its_name_is_on_the_disk()
    {
        await using var fixture = new CacheFixture();
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 6_000));
        Task<DatasetLease>? other = null;
        var failing = new FileSystem(call =>
        {
            if (call is not "fsync" || other is not null || !Directory.EnumerateDirectories(Path.Join(fixture.Root, "snapshots")).Any())
                return 0;
            // It has its name, and another process asks for it just now: a second is ample for a hit.
            other = Task.Run(() => fixture.Open().AcquireAsync(fixture.Request(2)));
            ((IAsyncResult)other).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            return Syscalls.EIO;
        });
        await Assert.ThrowsAsync<StorageException>(() => fixture.Open(options => options with { Durable = true }, failing).AcquireAsync(fixture.Request(1)));
        Assert.NotNull(other);
        await using var lease = await other;
        Assert.Equal(AcquireOutcome.Miss, lease.Outcome);
        fixture.AssertHoldsTheOrigin(lease.Path + "/", "a.jpg");
    }

    [Fact]
    public void Fsync_of_the_runtime_still_hides_failures()
    {
        // /dev/full fails every write; fsync on a pipe or socket fails with EINVAL, and the runtime says nothing. When this test fails the runtime
        // has been mended, and the ban in eng/BannedSymbols.txt may go.
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
        using var file = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, 0);
#pragma warning disable RS0030 // The banned call is what is tested.
        Assert.Null(Record.Exception(() => RandomAccess.FlushToDisk(file.SafeFileHandle)));
#pragma warning restore RS0030
        using var ours = new FileHandle(new FileSystem(), (int)pipe.SafePipeHandle.DangerousGetHandle(), "pipe");
        var error = Assert.Throws<StorageException>(ours.Sync);
        Assert.Equal(Syscalls.EINVAL, error.Errno);
        pipe.SafePipeHandle.SetHandleAsInvalid();
    }
}
