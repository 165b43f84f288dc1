using System.Text.Json;

namespace DatasetCache.Cli.Tests.Checking;

public sealed class VerifyCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private async Task<string> GetAsync(string name = "photos")
    {
        var result = await dscache.RunAsync("get", dscache.MakeFolder(name), "--hold", "1ms", "--json", "-q");
        Assert.Equal(0, result.ExitCode);
        return JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!;
    }

    private void Break(string key, string file = "b.bin")
    {
        var path = dscache.In($"cache/snapshots/{key}/{file}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(path, "bet!");
        File.SetUnixFileMode(path, (UnixFileMode)0x124);
    }

    [Fact]
    public async Task What_is_sound_is_said_and_ends_with_0()
    {
        var keys = new[] { await GetAsync("one"), await GetAsync("two") };
        foreach (var level in new[] { "--fast", "--full", "-q" })
            Assert.Equal(0, (await dscache.RunAsync("verify", level)).ExitCode);
        var all = await dscache.RunAsync("verify");
        Assert.All(keys, key => Assert.Contains($"{key}  sound\n", all.Out, StringComparison.Ordinal));
        Assert.Contains("2 entries, 4 files, 18 B read; 2 sound, 0 healed, 0 broken", all.Error, StringComparison.Ordinal);
        var one = await dscache.RunAsync("verify", keys[0]);
        Assert.Equal($"{keys[0]}  sound\n", one.Out);
        Assert.Equal("", (await dscache.RunAsync("verify", "-q")).Out);
    }

    [Fact]
    public async Task What_is_broken_and_not_healed_ends_with_65_and_each_fault_is_named()
    {
        var (key, sound) = (await GetAsync("one"), await GetAsync("two"));
        Break(key);
        Assert.Equal(0, (await dscache.RunAsync("verify", "--fast")).ExitCode); // Reads no data.
        var result = await dscache.RunAsync("verify", "--strict", "--json");
        Assert.Equal(ExitCode.Integrity, result.ExitCode);
        using var document = JsonDocument.Parse(result.Out);
        var broken = document.RootElement.GetProperty("entries").EnumerateArray().Single(entry => entry.GetProperty("cacheKey").GetString() == key);
        var fault = Assert.Single(broken.GetProperty("faults").EnumerateArray());
        Assert.Equal(("b.bin", "wrongBytes", 0), (fault.GetProperty("path").GetString(), fault.GetProperty("kind").GetString(), fault.GetProperty("pieces")[0].GetInt32()));
        Assert.Equal((1, 0, 1), (document.RootElement.GetProperty("sound").GetInt32(), document.RootElement.GetProperty("healed").GetInt32(), document.RootElement.GetProperty("broken").GetInt32()));
        Assert.Contains(sound, (await dscache.RunAsync("ls")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_are_said_to_people_in_lines()
    {
        var key = await GetAsync();
        Break(key);
        var result = await dscache.RunAsync("verify", key, "--strict");
        Assert.Equal(ExitCode.Integrity, result.ExitCode);
        Assert.Contains($"{key}  BROKEN", result.Out, StringComparison.Ordinal);
        Assert.Contains("\n  b.bin: piece 0 of 1 does not have its checksum\n", result.Out, StringComparison.Ordinal);
        Assert.Contains("1 broken", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_not_there_and_levels_that_contradict_are_refused_before_anything_is_read()
    {
        await GetAsync();
        Assert.Equal(ExitCode.NotFound, (await dscache.RunAsync("verify", "nobody")).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("verify", "--fast", "--full")).ExitCode);
        Assert.Equal(0, (await dscache.RunAsync("verify", "--root", dscache.In("empty"))).ExitCode);
    }
}
