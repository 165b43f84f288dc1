namespace DatasetCache.Cli.Tests;

/// <summary>The example of the library is a program that works.</summary>
public sealed class ExampleTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task The_example_gets_trains_hears_of_an_update_and_lets_go()
    {
        var source = dscache.MakeFolder();
        var miss = await RunAsync(source);
        Assert.Equal((0, $"Miss: 2 files, 9 bytes at {dscache.JobDirectory}/dataset\ntrained on 9 bytes\n"), (miss.ExitCode, miss.Out));
        Assert.Contains("Publishing: 2/2 files, 9/9 bytes", miss.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Combine(dscache.JobDirectory, "dataset")));

        // dscache and the example are of one mind about where the cache is and whose turn it is to ask the origin.
        File.WriteAllText(Path.Combine(source, "c.txt"), "gamma");
        dscache.Environment["DSCACHE_TTL"] = "0s";
        var update = await RunAsync(source);
        Assert.Equal("updated: 1 added, 0 changed, 0 removed", update.Out.Split('\n').First(line => line.StartsWith("updated", StringComparison.Ordinal)));
        Assert.Contains("trained on 14 bytes", update.Out, StringComparison.Ordinal);
        Assert.Equal(2, (await dscache.RunAsync("ls")).Out.Split('\n').Count(line => line.StartsWith("photos_", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_example_names_all_settings_that_are_wrong_and_what_went_wrong()
    {
        dscache.Environment["DatasetCache__cache__maxSize"] = "much";
        dscache.Environment["DSCACHE_ATTEMPTS"] = "0";
        var refused = await RunAsync(dscache.MakeFolder());
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("cache.maxSize is 'much' (configuration DatasetCache)", refused.Error, StringComparison.Ordinal);
        Assert.Contains("transfer.attempts is '0' (environment DSCACHE_ATTEMPTS)", refused.Error, StringComparison.Ordinal);
        Assert.Equal(64, (await RunAsync()).ExitCode);
    }

    private async Task<Result> RunAsync(params string[] source)
    {
        using var process = dscache.StartProgram(Path.Combine(AppContext.BaseDirectory, "training-job"), [.. source, .. source.Length > 0 ? [dscache.JobDirectory] : Array.Empty<string>()]);
        var result = await process.WaitAsync();
        // The host's log goes to stdout too, a line with its category and an indented one with the message.
        return result with { Out = string.Join('\n', result.Out.Split('\n').Where(line => !line.StartsWith("info:", StringComparison.Ordinal) && !line.StartsWith("      ", StringComparison.Ordinal))) };
    }
}
