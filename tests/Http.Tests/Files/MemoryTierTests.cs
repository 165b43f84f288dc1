using System.Net;
using DatasetCache.Eviction;
using DatasetCache.Memory;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Files;

public sealed class MemoryTierTests
{
    private static readonly AdaptiveTtl Ttl = new(TimeSpan.FromHours(24), TimeSpan.FromDays(30));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static ValueTask<MemoryAnswer> GetAsync(MemoryTier tier, string path, int size, Action? loads = null, bool can = true) => tier.GetAsync("key", "digest", path, size, into =>
    {
        loads?.Invoke();
        into.Span.Fill((byte)path[0]);
        return can;
    }, Cancel);

    [Fact]
    public async Task However_many_ask_one_loads()
    {
        using var tier = new MemoryTier(new MemoryTierOptions(), () => Ttl, TimeProvider.System);
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var loads = 0;
        var first = Task.Run(async () => (await GetAsync(tier, "a", 1000, () =>
        {
            Interlocked.Increment(ref loads);
            begun.Set();
            go.Wait(Cancel);
        })).Hold, Cancel);
        begun.Wait(Cancel);
        var others = Enumerable.Range(0, 50).Select(_ => GetAsync(tier, "a", 1000, () => Interlocked.Increment(ref loads)).AsTask()).ToArray();
        Assert.All(others, other => Assert.False(other.IsCompleted));
        go.Set();
        using var hold = await first;
        foreach (var other in others)
        {
            using var shared = (await other).Hold;
            Assert.Equal((byte)'a', shared!.Bytes.Span[999]);
        }
        Assert.Equal(1, loads);
        Assert.Equal((50, 1, 50), (tier.Counts.Hits, tier.Counts.Misses, tier.Counts.StampedePrevented));
    }

    [Fact]
    public async Task What_cannot_be_loaded_is_bad_for_all_who_waited_and_tried_again_by_the_next()
    {
        using var tier = new MemoryTier(new MemoryTierOptions(), () => Ttl, TimeProvider.System);
        Assert.True((await GetAsync(tier, "a", 1000, can: false)).IsBad);
        Assert.Equal((0, 0), (tier.Counts.Objects, tier.Counts.Used));
        using var hold = (await GetAsync(tier, "a", 1000)).Hold;
        Assert.NotNull(hold);
    }

    [Fact]
    public async Task It_never_takes_more_than_its_limit_whatever_is_being_sent()
    {
        const long limit = 1_000_000;
        using var tier = new MemoryTier(new MemoryTierOptions { Limit = limit, Largest = 300_000 }, () => Ttl, TimeProvider.System);
        var random = new Random(7);
        var held = new Queue<MemoryTier.Hold>();
        for (var i = 0; i < 5000; i++)
        {
            var path = $"{(char)('a' + random.Next(26))}{random.Next(40)}";
            var size = 1 + (int)Math.Pow(path[0] - 'a' + 1, 3.8);
            if ((await GetAsync(tier, path, size)).Hold is { } hold)
            {
                Assert.Equal((byte)path[0], hold.Bytes.Span[size - 1]);
                held.Enqueue(hold);
            }
            if (held.Count > random.Next(12) && held.TryDequeue(out var done))
                done.Dispose();
            Assert.InRange(tier.Counts.Used, 0, limit);
        }
        while (held.TryDequeue(out var left))
            left.Dispose();
        tier.Drop("key");
        Assert.Equal((0, 0), (tier.Counts.Objects, tier.Counts.Used));
    }

    [Fact]
    public async Task What_is_being_sent_keeps_its_bytes_after_it_was_dropped()
    {
        using var tier = new MemoryTier(new MemoryTierOptions(), () => Ttl, TimeProvider.System);
        using var hold = (await GetAsync(tier, "a", 1000)).Hold;
        tier.Drop("key");
        Assert.Equal((0, true), (tier.Counts.Objects, tier.Counts.Used > 1000));
        Assert.Equal((byte)'a', hold!.Bytes.Span[500]);
        hold.Dispose();
        Assert.Equal(0, tier.Counts.Used);
    }

    [Fact]
    public async Task The_longest_unused_goes_first_and_what_is_expired_before_it()
    {
        var time = new Timers();
        using var tier = new MemoryTier(new MemoryTierOptions { Limit = 34_000, Largest = 20_000 }, () => Ttl, time);
        // Used ten times: its TTL is long. The next was used once and expires.
        for (var i = 0; i < 10; i++)
            (await GetAsync(tier, "a", 10_000)).Hold!.Dispose();
        (await GetAsync(tier, "b", 10_000)).Hold!.Dispose();
        time.Now += TimeSpan.FromHours(40);
        (await GetAsync(tier, "c", 10_000)).Hold!.Dispose();
        (await GetAsync(tier, "d", 10_000)).Hold!.Dispose();
        Assert.Equal("acd", await KeptAsync());
        (await GetAsync(tier, "a", 10_000)).Hold!.Dispose();
        (await GetAsync(tier, "e", 10_000)).Hold!.Dispose();
        Assert.Equal("ade", await KeptAsync());
        time.Now += TimeSpan.FromDays(60);
        // Nobody asks for anything: the timer gives it back.
        time.Fire();
        Assert.Equal(0, tier.Counts.Objects);

        async Task<string> KeptAsync()
        {
            var kept = "";
            foreach (var path in new[] { "a", "b", "c", "d", "e" })
            {
                var misses = tier.Counts.Misses;
                var answer = await GetAsync(tier, path, 40_000_000);
                answer.Hold?.Dispose();
                kept += tier.Counts.Misses == misses ? path : "";
            }
            return kept;
        }
    }

    [Fact]
    public async Task A_small_file_is_read_from_the_disk_once_and_a_large_one_each_time()
    {
        await using var ground = await FilesGround.StartAsync();
        var (small, large) = (MemoryOrigin.Bytes(1, 100_000), MemoryOrigin.Bytes(2, 2_000_000));
        ground.Origin.Put("set/small.bin", small);
        ground.Origin.Put("set/large.bin", large);
        var url = $"/v1/datasets/{await ground.GetAsync()}/files";
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(small, await ground.ReadAsync(url + "/small.bin"));
            Assert.Equal(small[70_000..], await ground.ReadAsync(url + "/small.bin", ("Range", "bytes=70000-")));
            Assert.Equal(large, await ground.ReadAsync(url + "/large.bin"));
        }
        var counts = ground.Parts.Reads;
        Assert.Equal((5, 1, 3), (counts.MemoryHits, counts.MemoryMisses, counts.DiskHits));
        Assert.Equal(6_000_000, counts.BytesFromDisk);
        Assert.InRange(counts.MemoryUsed, 100_000, 110_000);
        while ((await ground.Cache.EvictAsync(url.Split('/')[3], dryRun: false, Cancel)).Outcome == EvictionOutcome.Protected)
            await Task.Delay(10, Cancel);
        Assert.Equal((0, 0), (ground.Parts.Reads.MemoryObjects, ground.Parts.Reads.MemoryUsed));
    }

    [Fact]
    public async Task What_was_flipped_on_the_disk_gets_neither_into_memory_nor_out()
    {
        await using var ground = await FilesGround.StartAsync();
        var content = MemoryOrigin.Bytes(1, 100_000);
        ground.Origin.Put("set/small.bin", content);
        var key = await ground.GetAsync();
        var healed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ground.Cache.Invalidated += (_, _) => healed.TrySetResult();
        var path = Path.Combine(ground.Root, "snapshots", key, "small.bin");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = File.OpenWrite(path))
            file.WriteByte((byte)~content[0]);
        using (var refused = await ground.SendAsync(HttpMethod.Get, $"/v1/datasets/{key}/files/small.bin"))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        await healed.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.Equal(content, await ground.ReadAsync($"/v1/datasets/{key}/files/small.bin"));
    }

    /// <summary>A clock that a test sets, with timers that it lets go off.</summary>
    private sealed class Timers : TimeProvider
    {
        private readonly List<Action> made = [];

        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            made.Add(() => callback(state));
            return System.CreateTimer(static _ => { }, state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public void Fire()
        {
            Assert.NotEmpty(made);
            made.ForEach(timer => timer());
        }
    }
}
