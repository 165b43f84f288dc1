using System.Text.Json;

namespace DatasetCache.Cli.Tests.Checking;

public sealed class ScrubCommandTests : IDisposable
{
    private const int Files = 40;
    private const int Size = 50_000;
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    /// <summary>Two entries of twenty files; their keys in the scrubber's order.</summary>
    private async Task<string[]> FillAsync()
    {
        var keys = new List<string>();
        foreach (var name in new[] { "one", "two" })
        {
            Directory.CreateDirectory(dscache.In(name));
            for (var i = 0; i < Files / 2; i++)
                File.WriteAllBytes(dscache.In($"{name}/{i:d2}.bin"), Testing.MemoryOrigin.Bytes(i + name.Length, Size));
            var result = await dscache.RunAsync("get", dscache.In(name), "--hold", "24h", "--json", "-q");
            keys.Add(JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!);
        }
        return [.. keys.Order(StringComparer.Ordinal)];
    }

    private void FlipBit(string key, int file)
    {
        var path = dscache.In($"cache/snapshots/{key}/{file:d2}.bin");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var bytes = File.ReadAllBytes(path);
        bytes[7] ^= 1;
        File.WriteAllBytes(path, bytes);
        File.SetUnixFileMode(path, (UnixFileMode)0x124);
    }

    private async Task<JsonElement> ScrubAsync(int exitCode, params string[] more)
    {
        var result = await dscache.RunAsync(["scrub", "--json", .. more]);
        Assert.True(exitCode == result.ExitCode, result.Error);
        return JsonDocument.Parse(result.Out).RootElement;
    }

    // How many files lie before the place that is noted.
    private int FilesDone(string[] keys)
    {
        using var state = JsonDocument.Parse(File.ReadAllBytes(dscache.In("cache/scrub")));
        var entry = Array.IndexOf(keys, state.RootElement.GetProperty("key").GetString());
        var path = state.RootElement.GetProperty("path").GetString()!;
        return entry < 0 ? 0 : (entry * Files / 2) + (path.Length == 0 ? 0 : int.Parse(path.AsSpan(0, 2), System.Globalization.CultureInfo.InvariantCulture) + 1);
    }

    /// <summary>Completes when the scrubber has noted its place so many times.</summary>
    private (FileSystemWatcher Watcher, Task Noted) Watch(int times)
    {
        var noted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var watcher = new FileSystemWatcher(dscache.In("cache"), "scrub");
        void Count(object sender, FileSystemEventArgs e)
        {
            if (Interlocked.Decrement(ref times) == 0)
                noted.TrySetResult();
        }
        watcher.Created += Count;
        watcher.Changed += Count;
        watcher.Renamed += Count;
        watcher.EnableRaisingEvents = true;
        return (watcher, noted.Task);
    }

    [Fact]
    [Trait("Fault", "1")]
    public async Task Killed_at_any_point_the_next_scrub_goes_on_at_the_file_where_it_stood()
    {
        var keys = await FillAsync();
        var done = 0;
        foreach (var times in new[] { 1, 2, 1, 3 })
        {
            var (watcher, noted) = Watch(times);
            using (watcher)
            using (var victim = dscache.Start("scrub", "--all", "--rate", "400kB", "--json"))
            {
                await noted.WaitAsync(TimeSpan.FromSeconds(60));
                victim.Signal(9);
                Assert.Equal(137, (await victim.WaitAsync()).ExitCode);
            }
            var now = FilesDone(keys);
            Assert.True(now > done, $"{now} files after the kill, {done} before");
            done = now;
        }
        Assert.InRange(done, 4, Files - 1);
        // What it has passed is the next cycle's; the first that it has not passed is this one's.
        FlipBit(keys[0], 0);
        FlipBit(keys[done / (Files / 2)], done % (Files / 2));
        var rest = await ScrubAsync(ExitCode.Integrity, "--all", "--rate", "0", "--strict");
        Assert.Equal((Files - done, 1, true), (rest.GetProperty("files").GetInt32(), rest.GetProperty("cycle").GetInt32(), rest.GetProperty("cycleOver").GetBoolean()));
        var fault = Assert.Single(Assert.Single(rest.GetProperty("broken").EnumerateArray()).GetProperty("faults").EnumerateArray());
        Assert.Equal($"{done % (Files / 2):d2}.bin", fault.GetProperty("path").GetString());
    }

    [Fact]
    public async Task A_second_scrubber_says_that_there_is_one_and_a_service_ends_with_0()
    {
        await FillAsync();
        var (watcher, noted) = Watch(2);
        using (watcher)
        using (var service = dscache.Start("scrub", "--watch", "--all", "--rate", "100kB"))
        {
            await noted.WaitAsync(TimeSpan.FromSeconds(60));
            var second = await dscache.RunAsync("scrub");
            Assert.Equal(ExitCode.LockTimeout, second.ExitCode);
            Assert.Contains("Another process scrubs the cache", second.Error, StringComparison.Ordinal);
            service.Signal(15);
            Assert.Equal(0, (await service.WaitAsync()).ExitCode);
        }
        Assert.True((await ScrubAsync(0, "--all", "--rate", "0")).GetProperty("cycleOver").GetBoolean());
    }

    [Fact]
    public async Task What_was_checked_and_where_it_stands_is_said()
    {
        await FillAsync();
        var all = await dscache.RunAsync("scrub", "--all");
        Assert.Equal(0, all.ExitCode);
        Assert.Contains("read 2.0 MB of 40 files; 0 healed, 0 broken\ncycle 1: over since 20", all.Out, StringComparison.Ordinal);
        var idle = await dscache.RunAsync("scrub");
        Assert.StartsWith("everything has been read\ncycle 1: over since", idle.Out, StringComparison.Ordinal);
        // A shorter period: the next cycle is due.
        dscache.Environment["DSCACHE_SCRUB_PERIOD"] = "1ms";
        var next = await ScrubAsync(0);
        Assert.Equal((2, 40), (next.GetProperty("cycle").GetInt32(), next.GetProperty("files").GetInt32()));
        Assert.Equal(ExitCode.Configuration, (await dscache.RunAsync("scrub", "--period", "0s")).ExitCode);
    }

    [Fact]
    public async Task A_broken_entry_that_is_not_healed_ends_with_65()
    {
        var keys = await FillAsync();
        FlipBit(keys[1], 11);
        var result = await dscache.RunAsync("scrub", "--all", "--strict");
        Assert.Equal(ExitCode.Integrity, result.ExitCode);
        Assert.Contains($"{keys[1]}  BROKEN", result.Out, StringComparison.Ordinal);
        Assert.Contains("  11.bin: piece 0 of 1", result.Out, StringComparison.Ordinal);
        Assert.Contains("1 faults found, 1 entries not healed", result.Out, StringComparison.Ordinal);
    }
}
