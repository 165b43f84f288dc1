using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests;

public sealed class CommandLineTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task The_version_is_one_line_on_stdout()
    {
        var result = await dscache.RunAsync("--version");

        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\n$", result.Out);
        Assert.Empty(result.Error);
    }

    [Fact]
    public async Task Help_lists_the_commands_and_the_exit_codes()
    {
        var result = await dscache.RunAsync("--help");

        Assert.Equal(0, result.ExitCode);
        Assert.All(["Get and use:\n  get", "run", "prefetch", "release", "ls", "inspect", "stats", "prune", "config", "doctor"], command => Assert.Contains($"\n{(command.Contains('\n', StringComparison.Ordinal) ? "" : "  ")}{command} ", result.Out, StringComparison.Ordinal));
        Assert.All(ExitCode.Table, line => Assert.Contains($"{line.Code}{(line.Retry ? '*' : ' ')} {line.Meaning}", result.Out, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("get")]
    [InlineData("run")]
    [InlineData("release")]
    [InlineData("ls")]
    [InlineData("inspect")]
    [InlineData("config", "show")]
    [InlineData("doctor")]
    [InlineData("prefetch")]
    [InlineData("warm")]
    [InlineData("list")]
    [InlineData("explain")]
    [InlineData("du")]
    [InlineData("stats")]
    [InlineData("pin")]
    [InlineData("unpin")]
    [InlineData("rm")]
    [InlineData("prune")]
    [InlineData("clear")]
    [InlineData("cleanup")]
    [InlineData("config", "get")]
    [InlineData("config", "set")]
    [InlineData("config", "unset")]
    [InlineData("config", "path")]
    public async Task Every_command_helps_without_being_told_anything_else(params string[] command)
    {
        var result = await dscache.RunAsync([.. command, "--help"]);

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Usage:", result.Out, StringComparison.Ordinal);
        Assert.Contains("Example", result.Out, StringComparison.Ordinal);
        Assert.Contains("--json", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\nMore:\n", (await dscache.RunAsync("--help")).Out, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Theory]
    [InlineData("Did you mean 'get'?", "gte")]
    [InlineData("Did you mean '--into'?", "get", "x/y", "--ino", "z")]
    [InlineData("'--into' is required", "get", "x/y")]
    [InlineData("must be one of auto, annotated, all", "get", "x/y", "--into", "j", "--select", "some")]
    [InlineData("There is no option '--bogus'", "inspect", "--bogus")]
    public async Task A_wrong_command_line_says_what_was_meant_and_exits_64(string said, params string[] arguments)
    {
        var result = await dscache.RunAsync(arguments);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Empty(result.Out);
        Assert.StartsWith("dscache: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(said, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_json_an_error_is_one_object_on_stderr()
    {
        var result = await dscache.RunAsync("get", "snap_1", "--json", "--into", dscache.JobDirectory);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Empty(result.Out);
        using var document = JsonDocument.Parse(result.Error);
        var error = document.RootElement.GetProperty("error");
        Assert.Equal("invalidArgument", error.GetProperty("code").GetString());
        Assert.Contains("DATASET_ID", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("--dataset", error.GetProperty("advice").GetString(), StringComparison.Ordinal);
        Assert.False(error.GetProperty("retry").GetBoolean());
        Assert.Equal(ExitCode.Usage, error.GetProperty("exitCode").GetInt32());
    }

    [Fact]
    public async Task A_wrong_setting_in_the_environment_is_named_and_exits_78()
    {
        dscache.Environment["DSCACHE_MAX_SIZE"] = "plenty";

        var result = await dscache.RunAsync("ls");

        Assert.Equal(ExitCode.Configuration, result.ExitCode);
        Assert.Contains("DSCACHE_MAX_SIZE", result.Error, StringComparison.Ordinal);
        Assert.Contains("plenty", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_show_names_the_place_of_every_value_and_hides_secrets()
    {
        dscache.Environment["AWS_ACCESS_KEY_ID"] = "AKEXAMPLE";
        dscache.Environment["AWS_SECRET_ACCESS_KEY"] = "canary-secret";

        var text = await dscache.RunAsync("config", "show", "--concurrency", "7");
        var json = await dscache.RunAsync("config", "show", "--json");

        Assert.Matches(@"transfer\.concurrency +7 +flag --concurrency", text.Out);
        Assert.Matches(@"cache\.minFree +0% +environment DSCACHE_MIN_FREE", text.Out);
        Assert.Matches(@"origin\.accessKey +AKEXAMPLE", text.Out);
        Assert.DoesNotContain("canary-secret", text.Out + json.Out, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(json.Out);
        Assert.Contains(document.RootElement.GetProperty("settings").EnumerateArray(), setting => setting.GetProperty("name").GetString() is "cache.root");
    }
}
