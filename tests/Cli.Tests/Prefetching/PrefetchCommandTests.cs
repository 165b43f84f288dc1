using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Prefetching;

public sealed class PrefetchCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private string WriteList(params string[] lines)
    {
        File.WriteAllLines(dscache.In("list.txt"), lines);
        return dscache.In("list.txt");
    }

    private async Task<JsonElement> JsonAsync(params string[] arguments) => JsonDocument.Parse((await dscache.RunAsync([.. arguments, "--json", "-q"])).Out).RootElement;

    private async Task<int> EntriesAsync() => (await JsonAsync("ls", "--root", dscache.In("cache"))).GetProperty("entries").GetArrayLength();

    private static string[] Outcomes(JsonElement report) => [.. report.GetProperty("datasets").EnumerateArray().Select(one => one.GetProperty("outcome").GetString()!)];

    [Fact]
    public async Task A_list_names_datasets_as_get_does_and_what_it_fetched_is_a_hit_for_get()
    {
        dscache.Environment["DSCACHE_ORIGIN"] = dscache.MakeOrigin("ds_1");
        dscache.MakeFolder("two words");
        var list = WriteList("# night shift", "", "  snap_1 --dataset ds_1   # one", "'./two words' --select all --exclude '*.bin'", "./two\\ words");

        var report = await JsonAsync("prefetch", "--from", list);

        Assert.Equal(["miss", "miss", "miss"], Outcomes(report));
        Assert.Equal([3, 4, 5], report.GetProperty("datasets").EnumerateArray().Select(one => one.GetProperty("line").GetInt32()));
        Assert.Equal([9, 5, 9], report.GetProperty("datasets").EnumerateArray().Select(one => one.GetProperty("bytes").GetInt64()));
        var hit = await JsonAsync("get", "snap_1", "--dataset", "ds_1", "--into", dscache.JobDirectory);
        Assert.Equal(("hit", report.GetProperty("datasets")[0].GetProperty("cacheKey").GetString()), (hit.GetProperty("outcome").GetString(), hit.GetProperty("cacheKey").GetString()));
        Assert.Equal(["hit", "hit", "hit"], Outcomes(await JsonAsync("warm", "--from", list)));
    }

    [Fact]
    public async Task Bad_lines_are_all_told_with_their_numbers_before_anything_is_fetched()
    {
        var photos = dscache.MakeFolder();
        var list = WriteList(photos, "./photos --slect all", "snap_1", "./photos 'never closed", "./photos --select some", "snap/../x --dataset d --hash abc", "", "./photos more", "./photos --exclude '['");

        var result = await dscache.RunAsync("prefetch", "--from", list);

        Assert.Equal((ExitCode.Usage, ""), (result.ExitCode, result.Out));
        Assert.Contains($"7 lines of {list} are wrong", result.Error, StringComparison.Ordinal);
        Assert.Contains("Nothing was fetched", result.Error, StringComparison.Ordinal);
        Assert.All(
            ["line 2: Unrecognized command or argument '--slect'", "Did you mean '--select'?", "line 3: 'snap_1' is taken for a snapshot id", "line 4: A quote (') is not closed", "line 5: --select is 'some'", "line 6: ", "line 8: ", "line 9: "],
            said => Assert.Contains(said, result.Error, StringComparison.Ordinal));
        Assert.Equal(0, await EntriesAsync());
        Assert.Contains("list.txt, line 1: ", (await dscache.RunAsync("prefetch", "--from", WriteList("snap_1"))).Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("prefetch", "--from", "nowhere")).ExitCode);
    }

    [Fact]
    public async Task One_that_fails_keeps_none_of_the_others_and_the_worst_is_the_exit_code()
    {
        var one = dscache.MakeFolder("one");
        var huge = dscache.MakeFolder("huge");
        using (var file = File.OpenHandle(Path.Combine(huge, "large.bin"), FileMode.Create, FileAccess.Write))
            RandomAccess.SetLength(file, 50_000);
        var arguments = new[] { "prefetch", "./nowhere", one, huge, dscache.MakeFolder("two"), "--jobs", "1", "--max-size", "20000" };

        var result = await dscache.RunAsync(arguments);
        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Matches(@"^OUTCOME .*\nfailed +- .* \./nowhere\nmiss +one_.*\nfailed +- .*\nmiss +two_", result.Out);
        Assert.Contains("./nowhere: ", result.Error, StringComparison.Ordinal);
        Assert.Contains("dscache: 2 fetched, 0 there already, 2 failed: ", result.Error, StringComparison.Ordinal);

        await dscache.RunAsync("clear", "-y");
        var stopped = await JsonAsync([.. arguments, "--fail-fast"]);
        Assert.Equal(["failed", "skipped", "skipped", "skipped"], Outcomes(stopped));
        Assert.Equal("notFound", stopped.GetProperty("datasets")[0].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(0, await EntriesAsync());
    }

    [Fact]
    public async Task The_last_does_not_push_out_the_first()
    {
        // Each takes 8,192 bytes: two fit.
        var report = await dscache.RunAsync(["prefetch", .. new[] { "one", "two", "three" }.Select(dscache.MakeFolder), "--jobs", "1", "--max-size", "20000", "--json", "-q"]);
        Assert.Equal(ExitCode.NoSpace, report.ExitCode);
        Assert.Equal(["miss", "miss", "failed"], Outcomes(JsonDocument.Parse(report.Out).RootElement));
        Assert.Equal(2, await EntriesAsync());
    }

    [Fact]
    public async Task A_hold_outlives_the_prefetch_and_a_line_may_have_its_own()
    {
        var held = dscache.MakeFolder("held");
        var free = dscache.MakeFolder("free");
        await JsonAsync("prefetch", "--from", WriteList($"{held} --hold 24h", free));
        await dscache.RunAsync("clear", "-y");
        var left = (await JsonAsync("ls")).GetProperty("entries");
        Assert.StartsWith("held_", Assert.Single(left.EnumerateArray()).GetProperty("cacheKey").GetString(), StringComparison.Ordinal);
        await JsonAsync("prefetch", free, "--hold", "24h");
        await dscache.RunAsync("clear", "-y");
        Assert.Equal(2, await EntriesAsync());
    }

    [Fact]
    public async Task Standard_input_is_a_list_too_and_jobs_environment_names_none_of_its_datasets()
    {
        dscache.Environment["DSCACHE_ORIGIN"] = dscache.MakeOrigin("ds_1");
        dscache.Environment["SNAPSHOT_ID"] = "snap_of_the_job";
        dscache.Environment["DATASET_ID"] = "ds_of_the_job";
        dscache.Environment["DATASET_VERSION_HASH"] = new string('0', 64);
        using var process = dscache.Start("prefetch", "--from", "-", "--dataset", "ds_1", "--jobs", "8", "--json", "-q");
        for (var i = 0; i < 20; i++)
            await process.TypeAsync($"snap_{i}\n");
        var result = await process.WaitAsync();
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(20, JsonDocument.Parse(result.Out).RootElement.GetProperty("misses").GetInt32());
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"snap_{i}"), JsonDocument.Parse(result.Out).RootElement.GetProperty("datasets").EnumerateArray().Select(one => one.GetProperty("source").GetString()));
    }

    [Theory]
    [InlineData("SOURCE is missing", "prefetch")]
    [InlineData("--jobs is 0", "prefetch", "x/y", "--jobs", "0")]
    [InlineData("--hash stands beside several", "prefetch", "x/y", "x/z", "--hash", "abc")]
    [InlineData("There is no option '--bogus'", "prefetch", "--bogus")]
    [InlineData("is no duration", "prefetch", "x/y", "--hold", "long")]
    public async Task A_wrong_command_line_is_refused(string said, params string[] arguments)
    {
        var result = await dscache.RunAsync(arguments);
        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains(said, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_are_shown_as_one_progress_and_json_progress_tells_each()
    {
        var sources = new[] { "one", "two" }.Select(dscache.MakeFolder).ToArray();
        var plain = await dscache.RunAsync(["prefetch", .. sources]);
        Assert.Matches(@"dscache: \d of 2 datasets: .*4 of 4 files, 18 B of 18 B", plain.Error);
        var json = await dscache.RunAsync(["prefetch", .. sources, "--progress", "json", "--select", "all"]);
        Assert.Equal(
            2, json.Error.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("cacheKey").GetString()).Distinct().Count());
    }
}
