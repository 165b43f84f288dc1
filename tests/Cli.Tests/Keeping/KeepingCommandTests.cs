using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Keeping;

public sealed class KeepingCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private async Task<string> GetAsync(string name, params string[] more)
    {
        var result = await dscache.RunAsync(["get", dscache.MakeFolder(name), "--json", "-q", .. more]);
        Assert.Equal(0, result.ExitCode);
        return JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!;
    }

    private async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var result = await dscache.RunAsync([.. arguments, "--json"]);
        return JsonDocument.Parse(result.Out).RootElement;
    }

    private async Task<string[]> KeysAsync()
        => [.. (await JsonAsync("ls")).GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("cacheKey").GetString()!).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task A_hold_protects_a_path_that_is_used_without_a_link_until_unpin()
    {
        var key = await GetAsync("photos", "--hold", "24h");
        var refused = await dscache.RunAsync("rm", key, "-y");
        Assert.Equal(ExitCode.LockTimeout, refused.ExitCode);
        Assert.Contains("held until", refused.Error, StringComparison.Ordinal);
        Assert.Equal(key, Assert.Single((await JsonAsync("unpin", key)).GetProperty("unpinned").EnumerateArray()).GetString());
        var removed = await dscache.RunAsync("rm", key, "-y");
        Assert.Equal(0, removed.ExitCode);
        Assert.Empty(await KeysAsync());
    }

    [Fact]
    public async Task Get_wants_a_job_directory_or_a_hold()
    {
        var result = await dscache.RunAsync("get", dscache.MakeFolder());
        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("--into", result.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("get", dscache.MakeFolder(), "--hold", "soon")).ExitCode);
    }

    [Fact]
    public async Task A_pinned_entry_stays_and_explain_says_why()
    {
        var key = await GetAsync("photos", "--hold", "1ms");
        Assert.Equal(0, (await dscache.RunAsync("pin", key)).ExitCode);
        var cleared = await dscache.RunAsync("clear", "-y");
        Assert.Equal(0, cleared.ExitCode);
        Assert.Contains("it is pinned", cleared.Error, StringComparison.Ordinal);
        var text = await dscache.RunAsync("explain", key);
        Assert.Contains($"{key} is kept, because\n  it is pinned", text.Out, StringComparison.Ordinal);
        Assert.Equal("Pin", (await JsonAsync("explain", key)).GetProperty("protections")[0].GetProperty("kind").GetString());
        Assert.True((await JsonAsync("inspect", key)).GetProperty("isPinned").GetBoolean());
        await dscache.RunAsync("unpin", key);
        Assert.Contains("nothing protects it", (await dscache.RunAsync("explain", key)).Out, StringComparison.Ordinal);
        await dscache.RunAsync("clear", "-y");
        Assert.Empty(await KeysAsync());
    }

    [Fact]
    public async Task A_dry_run_shows_what_would_go_and_deletes_nothing()
    {
        var linked = await GetAsync("linked", "--into", dscache.JobDirectory);
        var free = await GetAsync("free", "--hold", "1ms");
        foreach (var verb in new[] { new[] { "prune", "--all" }, ["rm", free], ["clear"], ["prune", "--older-than", "0s"] })
        {
            var dry = await JsonAsync([.. verb, "--dry-run"]);
            Assert.True(dry.GetProperty("dryRun").GetBoolean());
            Assert.Equal(8192, dry.GetProperty("freedBytes").GetInt64());
            Assert.Equal(free, dry.GetProperty("entries").EnumerateArray().Single(entry => entry.GetProperty("outcome").GetString() == "evicted").GetProperty("cacheKey").GetString());
        }
        Assert.Equal(2, (await KeysAsync()).Length);
        Assert.Empty((await JsonAsync("cleanup", "--dry-run")).GetProperty("entries").EnumerateArray()); // Nothing has expired.
        await dscache.RunAsync("prune", "--all", "-y", "-q");
        Assert.Equal([linked], await KeysAsync());
    }

    [Fact]
    public async Task Nothing_is_deleted_without_anybody_to_ask()
    {
        var key = await GetAsync("photos", "--hold", "1ms");
        foreach (var verb in new[] { new[] { "prune", "--all" }, ["rm", key], ["clear"] })
        {
            var result = await dscache.RunAsync(verb);
            Assert.Equal(ExitCode.Usage, result.ExitCode);
            Assert.Contains("-y", result.Error, StringComparison.Ordinal);
        }
        Assert.Equal([key], await KeysAsync());
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("prune", "-y")).ExitCode);
    }

    [Fact]
    public async Task Keys_that_are_not_there_are_said()
    {
        Assert.Equal(ExitCode.NotFound, (await dscache.RunAsync("rm", "nobody", "-y")).ExitCode);
        Assert.Equal(ExitCode.NotFound, (await dscache.RunAsync("pin", "nobody")).ExitCode);
        Assert.Equal(ExitCode.NotFound, (await dscache.RunAsync("explain", "nobody")).ExitCode);
    }

    [Fact]
    public async Task A_beginning_that_no_other_key_has_is_as_good_as_the_key()
    {
        var (alpha, beta) = (await GetAsync("alpha-1", "--hold", "1ms"), await GetAsync("alpha-2", "--hold", "1ms"));
        foreach (var verb in new[] { "rm", "pin", "unpin", "explain", "inspect" })
        {
            var refused = await dscache.RunAsync(verb is "rm" ? ["rm", "alpha-2", "alpha", "-y"] : [verb, "alpha"]);
            Assert.Equal((ExitCode.Usage, ""), (refused.ExitCode, refused.Out));
            Assert.Contains($"'alpha' is the beginning of 2 keys: {alpha}, {beta}", refused.Error, StringComparison.Ordinal);
        }
        foreach (var verb in new[] { "pin", "unpin", "explain", "inspect" })
            Assert.Equal(0, (await dscache.RunAsync(verb, "alpha-1")).ExitCode);
        Assert.Equal(2, (await KeysAsync()).Length);
        Assert.Equal(alpha, (await JsonAsync("rm", "alpha-1", alpha, "-y")).GetProperty("entries").EnumerateArray().Single().GetProperty("cacheKey").GetString());
        Assert.Equal([beta], await KeysAsync());
    }

    [Fact]
    public async Task Leftovers_are_counted_before_they_go_and_not_removed_unasked()
    {
        await GetAsync("photos", "--hold", "1ms");
        Directory.CreateDirectory(dscache.In("cache/quarantine/x.1/tree"));
        Directory.CreateDirectory(dscache.In("cache/staging/left~1"));
        File.WriteAllText(dscache.In("cache/staging/tmp-1"), "");
        Directory.CreateDirectory(dscache.In("cache/entries/half"));
        using var held = File.Open(dscache.In("cache/staging/busy~1.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None); // .NET takes it with flock.
        Directory.CreateDirectory(dscache.In("cache/staging/busy~1"));

        // The fifth is the record of the hold that has ended.
        Assert.Equal(5, (await JsonAsync("prune", "--orphaned", "--dry-run")).GetProperty("orphans").GetInt32());
        Assert.Equal(0, (await JsonAsync("prune", "--older-than", "0s", "--dry-run")).GetProperty("orphans").GetInt32());
        var refused = await dscache.RunAsync("prune", "--orphaned");
        Assert.Equal((ExitCode.Usage, ""), (refused.ExitCode, refused.Out));
        Assert.True(Directory.Exists(dscache.In("cache/quarantine/x.1/tree")));
        Assert.Equal(5, (await JsonAsync("prune", "--orphaned", "-y")).GetProperty("orphans").GetInt32());
        Assert.Equal(0, (await JsonAsync("prune", "--orphaned", "--dry-run")).GetProperty("orphans").GetInt32());
        Assert.True(Directory.Exists(dscache.In("cache/staging/busy~1")));
        Assert.Single(await KeysAsync());
    }

    [Theory]
    [InlineData("y", 0)]
    [InlineData("n", 1)]
    public async Task A_person_is_shown_what_would_go_and_asked(string answer, int left)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script (bsdutils) is not installed");
        var key = await GetAsync("photos", "--hold", "1ms");
        foreach (var verb in new[] { "rm photos", "clear --json" })
        {
            using var asked = dscache.StartProgram("/usr/bin/script", "-qec", $"{Dscache.Program} {verb} >{dscache.In("out")}", "/dev/null");
            await asked.TypeAsync(answer + "\n");
            var result = await asked.WaitAsync();
            Assert.Contains("? [y/N]", result.Out, StringComparison.Ordinal);
            Assert.Contains($"{key}  8.2 kB", result.Out, StringComparison.Ordinal);
            Assert.Equal(left, (await KeysAsync()).Length);
            var printed = await File.ReadAllTextAsync(dscache.In("out"));
            Assert.Equal(left == 1 ? "" : verb.StartsWith("rm", StringComparison.Ordinal) ? $"{key}  8.2 kB\n" : "{", left == 1 || printed[0] != '{' ? printed : printed[..1]);
            if (left == 0)
                key = await GetAsync("photos", "--hold", "1ms");
        }
    }

    [Fact]
    public async Task Du_adds_up()
    {
        var key = await GetAsync("photos", "--hold", "24h");
        var use = await JsonAsync("du");
        Assert.Equal(8192, use.GetProperty("space").GetProperty("used").GetInt64());
        Assert.Equal((key, 8192, true), (use.GetProperty("entries")[0].GetProperty("cacheKey").GetString(), use.GetProperty("entries")[0].GetProperty("chargedBytes").GetInt64(), use.GetProperty("entries")[0].GetProperty("protected").GetBoolean()));
        Assert.Contains("used 8.2 kB of 50 GB", (await dscache.RunAsync("du")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_get_that_does_not_fit_evicts_what_nobody_holds()
    {
        dscache.Environment["DSCACHE_MAX_SIZE"] = "20000";
        var first = await GetAsync("first", "--into", dscache.JobDirectory);
        var second = await GetAsync("second", "--hold", "1ms");
        var third = await GetAsync("third", "--hold", "24h");
        Assert.Equal(new[] { first, third }.Order(StringComparer.Ordinal), await KeysAsync());
        var refused = await dscache.RunAsync("get", dscache.MakeFolder("fourth"), "--hold", "1h");
        Assert.Equal(ExitCode.NoSpace, refused.ExitCode);
        Assert.Contains("1 entry of 8,192 bytes held by job links, 1 entry of 8,192 bytes held until a time", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(second, await KeysAsync());
    }
}
