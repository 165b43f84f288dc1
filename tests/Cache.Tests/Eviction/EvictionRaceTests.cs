using System.Collections.Concurrent;
using DatasetCache.Eviction;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Eviction;

public sealed class EvictionRaceTests : IAsyncDisposable
{
    private readonly CacheFixture fixture = new();

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    [Fault(18)]
    public async Task Whoever_has_a_lease_reads_every_byte_however_hard_others_evict()
    {
        var fault = fixture.Case(18);
        fixture.Put("a.bin", MemoryOrigin.Bytes(1, 20_000));
        fixture.Put("deep/b.bin", MemoryOrigin.Bytes(2, 5_000));
        string key;
        await using (var first = await fixture.Open().AcquireAsync(fixture.Request()))
            key = first.CacheKey;
        var (evicted, hits, misses) = (0, 0, 0);
        var caches = Enumerable.Range(0, 4).Select(_ => fixture.Open()).ToArray(); // They share nothing but the disk, as processes do.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var readers = Enumerable.Range(0, 3).Select(reader => Task.Run(async () =>
        {
            while (Volatile.Read(ref evicted) < 15 || Volatile.Read(ref hits) < 15 || Volatile.Read(ref misses) < 10)
            {
                await using var lease = await caches[reader].AcquireAsync(fixture.Request(), cancellationToken: over.Token);
                Interlocked.Increment(ref lease.Outcome == AcquireOutcome.Hit ? ref hits : ref misses);
                fault.HandedOut(lease.Path, fixture.Contents("a.bin", "deep/b.bin"));
            }
        }, over.Token)).ToArray();
        var evictor = Task.Run(async () =>
        {
            while (!Array.TrueForAll(readers, reader => reader.IsCompleted))
                evicted += (await caches[3].EvictAsync(key, cancellationToken: over.Token)).Outcome == EvictionOutcome.Evicted ? 1 : 0;
        }, over.Token);
        // Whoever fails ends the others.
        _ = Task.WhenAny(readers.Append(evictor)).Unwrap().ContinueWith(_ => over.CancelAsync(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await Task.WhenAll([.. readers, evictor]);
        fault.Kept(isThere: true, "every leased file, read to its end");
        fault.Fired(evicted);
        await fixture.EndAsync(fault);
    }

    [Fact]
    [Trait("Fault", "18")]
    public async Task A_link_that_is_made_while_others_evict_points_at_a_dataset_or_nobody_was_told_of_it()
    {
        fixture.Put("a.bin", MemoryOrigin.Bytes(1, 20_000));
        var (getter, evictor) = (fixture.Open(), fixture.Open());
        var evicted = 0;
        for (var job = 0; job < 60 || evicted < 5; job++)
        {
            string key;
            await using (var first = await getter.AcquireAsync(fixture.Request()))
                key = first.CacheKey;
            var getting = Task.Run(async () =>
            {
                await using var lease = await getter.AcquireAsync(fixture.Request(job));
                return lease.Path;
            });
            while (!getting.IsCompleted)
                evicted += (await evictor.EvictAsync(key)).Outcome == EvictionOutcome.Evicted ? 1 : 0;
            // The lease is gone and the link alone protects.
            var link = await getting;
            Assert.Equal(EvictionOutcome.Protected, (await evictor.EvictAsync(key)).Outcome);
            fixture.AssertHoldsTheOrigin(link + "/", "a.bin");
            getter.Release(fixture.Job(job));
        }
    }

    [Fault(18)]
    public async Task A_file_that_is_open_is_read_to_its_end_although_its_entry_is_evicted()
    {
        var fault = fixture.Case(18);
        fixture.Put("a.bin", MemoryOrigin.Bytes(1, 200_000));
        var cache = fixture.Open();
        var lease = await cache.AcquireAsync(fixture.Request());
        await using var file = File.OpenRead(Path.Join(lease.SnapshotPath, "a.bin"));
        await lease.DisposeAsync();
        Assert.Equal(EvictionOutcome.Evicted, (await cache.EvictAsync(lease.CacheKey)).Outcome);
        fault.Fired();
        var bytes = new byte[200_000];
        await file.ReadExactlyAsync(bytes);
        fault.Whole(bytes.AsSpan().SequenceEqual(fixture.Origin.Content("datasets/cats/a.bin")), "the open file");
        await fixture.EndAsync(fault);
    }

    [Fact]
    [Trait("Fault", "18")]
    public async Task A_cache_of_two_processes_at_its_limit_never_exceeds_it()
    {
        const long Quota = 100_000;
        for (var i = 0; i < 12; i++)
            fixture.Origin.Put($"datasets/d{i}/a.bin", MemoryOrigin.Bytes(i, 20_000 + (i * 500)));
        var caches = Enumerable.Range(0, 3).Select(_ => fixture.Open(options => options with { MaxSize = Quota })).ToArray();
        var most = 0L;
        fixture.Origin.Trim = (_, _, count) =>
        {
            InterlockedMax(ref most, DiskUse.Of(fixture.Root));
            return count;
        };
        var misses = 0;
        var refused = new ConcurrentQueue<string>();
        await Task.WhenAll(caches.Select((cache, number) => Task.Run(async () =>
        {
            var random = new Random(number);
            for (var i = 0; i < 80; i++)
            {
                var id = random.Next(12);
                try
                {
                    await using var lease = await cache.AcquireAsync(fixture.Request() with { Dataset = fixture.Request().Dataset with { DatasetId = $"d{id}", SnapshotId = $"snap_{id}" } });
                    Assert.Equal(20_000 + (id * 500), new FileInfo(Path.Join(lease.Path, "a.bin")).Length);
                    if (lease.Outcome == AcquireOutcome.Miss)
                        Interlocked.Increment(ref misses);
                }
                catch (NoSpaceException e)
                {
                    refused.Enqueue(e.Message);
                }
            }
        })));
        Assert.InRange(most, 60_000, Quota);
        Assert.True(misses > 50, $"{misses} misses");
        Assert.Empty(refused); // Three leases and three downloads always fit.
    }

    private static void InterlockedMax(ref long most, long value)
    {
        var seen = Volatile.Read(ref most);
        while (value > seen && Interlocked.CompareExchange(ref most, value, seen) is var found && found != seen)
            seen = found;
    }
}
