using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Entries;

public sealed class EntryCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task An_empty_cache_lists_nothing_on_stdout()
    {
        var text = await dscache.RunAsync("ls");
        var json = await dscache.RunAsync("ls", "--json");

        Assert.Equal((0, ""), (text.ExitCode, text.Out));
        Assert.Contains("empty", text.Error, StringComparison.Ordinal);
        Assert.Empty(JsonDocument.Parse(json.Out).RootElement.GetProperty("entries").EnumerateArray());
    }

    [Fact]
    public async Task Ls_shows_what_is_there_and_who_holds_it()
    {
        dscache.Environment["JOB_ID"] = "91";
        var key = await GetKeyAsync();

        var result = await dscache.RunAsync("ls");

        Assert.StartsWith("KEY ", result.Out, StringComparison.Ordinal);
        Assert.Matches($@"\n{key} +\S*photos +2 +9 B +\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\dZ +job 91\n$", result.Out);
    }

    [Fact]
    public async Task Inspect_tells_everything_about_one_entry()
    {
        var key = await GetKeyAsync();

        var text = await dscache.RunAsync("inspect", key);
        using var json = JsonDocument.Parse((await dscache.RunAsync("inspect", key, "--json")).Out);

        Assert.Contains($"key           {key}\n", text.Out, StringComparison.Ordinal);
        Assert.Contains($"{dscache.JobDirectory}/dataset", text.Out, StringComparison.Ordinal);
        Assert.Equal(2, json.RootElement.GetProperty("files").GetInt64());
        Assert.Equal(9, json.RootElement.GetProperty("bytes").GetInt64());
        Assert.Single(json.RootElement.GetProperty("holders").EnumerateArray());
    }

    [Fact]
    public async Task Inspect_of_an_unknown_key_suggests_the_nearest()
    {
        var key = await GetKeyAsync();

        var result = await dscache.RunAsync("inspect", "x" + key);

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Contains($"Did you mean '{key}'?", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Release_removes_the_link_and_frees_the_entry()
    {
        var key = await GetKeyAsync();

        var first = await dscache.RunAsync("release", dscache.JobDirectory);
        var second = await dscache.RunAsync("release", dscache.JobDirectory, "--json");

        Assert.Equal((0, ""), (first.ExitCode, first.Out));
        Assert.Contains(key, first.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Combine(dscache.JobDirectory, "dataset")));
        Assert.False(JsonDocument.Parse(second.Out).RootElement.GetProperty("removed").GetBoolean());
        Assert.EndsWith(" -\n", (await dscache.RunAsync("ls")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Release_touches_no_link_of_somebody_else()
    {
        var link = Path.Combine(dscache.JobDirectory, "dataset");
        File.CreateSymbolicLink(link, dscache.MakeFolder());

        var result = await dscache.RunAsync("release", dscache.JobDirectory);

        Assert.NotEqual(0, result.ExitCode);
        Assert.True(File.Exists(Path.Combine(link, "a.txt")));
    }

    private async Task<string> GetKeyAsync()
    {
        var result = await dscache.GetAsync(dscache.MakeFolder(), "--json", "-q");
        return JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!;
    }
}
