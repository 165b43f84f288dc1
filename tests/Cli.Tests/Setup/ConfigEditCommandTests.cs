using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Setup;

public sealed class ConfigEditCommandTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private string FileOf => dscache.In("dscache.json");

    [Fact]
    public async Task What_was_set_is_in_effect_until_it_is_unset()
    {
        await File.WriteAllTextAsync(FileOf, "{\n  // mine\n  \"link\": \"copy\"\n}\n");

        Assert.Equal((0, ""), await OutAsync("config", "set", "cache.maxSize", "200GB"));
        Assert.Equal((0, "200GB\n"), await OutAsync("config", "get", "cache.maxSize"));
        Assert.Equal("{\n  \"cache\": {\n    \"maxSize\": \"200GB\"\n  },\n  // mine\n  \"link\": \"copy\"\n}\n", await File.ReadAllTextAsync(FileOf));
        Assert.Equal($"file {FileOf}", JsonDocument.Parse((await OutAsync("config", "get", "cache.maxSize", "--json")).Out).RootElement.GetProperty("from").GetString());
        Assert.True(JsonDocument.Parse((await OutAsync("config", "unset", "cache.maxSize", "--json")).Out).RootElement.GetProperty("changed").GetBoolean());
        Assert.Equal((0, "50GB\n"), await OutAsync("config", "get", "cache.maxSize"));
        Assert.Contains("nothing to do", (await dscache.RunAsync("config", "unset", "cache.maxSize")).Error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Configuration, ""), await OutAsync("config", "get", "origin.url"));
    }

    [Fact]
    public async Task A_node_s_settings_are_shown_set_and_got_and_its_secrets_hidden()
    {
        await File.WriteAllTextAsync(FileOf, "{}");

        Assert.Equal((0, ""), await OutAsync("config", "set", "cluster.secret", "0123456789abcdef0123456789abcdef"));
        Assert.Equal((0, ""), await OutAsync("config", "set", "cluster.upload", "50MB"));

        Assert.Equal((0, "50MB\n"), await OutAsync("config", "get", "cluster.upload"));
        Assert.Equal((0, "(hidden)\n"), await OutAsync("config", "get", "cluster.secret"));
        var shown = (await OutAsync("config", "show")).Out;
        Assert.Matches($@"cluster\.upload +50MB +file {FileOf} +--upload +DSCACHE_CLUSTER_UPLOAD", shown);
        Assert.DoesNotContain("0123456789abcdef", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Did you mean 'cache.maxSize'?", "cache.maxsize", "1GB")]
    [InlineData("such as 50GB", "cache.maxSize", "plenty")]
    [InlineData("symlink or tree or copy", "link", "hard")]
    [InlineData("the longest cannot be shorter", "eviction.baseTtl", "60d")]
    [InlineData("config unset link", "link", "")]
    public async Task A_wrong_name_or_value_changes_nothing(string said, params string[] pair)
    {
        var result = await dscache.RunAsync(["config", "set", .. pair]);

        Assert.Equal((ExitCode.Usage, ""), (result.ExitCode, result.Out));
        Assert.Contains(said, result.Error, StringComparison.Ordinal);
        Assert.Equal("{}", await File.ReadAllTextAsync(FileOf));
        Assert.Empty(Directory.GetFiles(dscache.Folder, ".dscache*"));
    }

    [Fact]
    public async Task Secrets_are_shown_nowhere_and_read_by_nobody_else()
    {
        File.SetUnixFileMode(FileOf, (UnixFileMode)0x1A4);
        var first = await dscache.RunAsync("config", "set", "origin.accessKey", "AKEXAMPLE");
        Assert.Equal(0, first.ExitCode);
        Assert.Contains("origin.secretKey is not set although origin.accessKey is", first.Error, StringComparison.Ordinal);
        Assert.Equal((UnixFileMode)0x1A4, File.GetUnixFileMode(FileOf));
        using var set = dscache.Start("config", "set", "origin.secretKey", "-");
        await set.TypeAsync("canary-secret\n");
        var second = await set.WaitAsync();
        var get = await dscache.RunAsync("config", "get", "origin.secretKey");
        var json = await dscache.RunAsync("config", "get", "origin.secretKey", "--json");

        Assert.Equal((0, 0, "(hidden)\n"), (second.ExitCode, get.ExitCode, get.Out));
        Assert.DoesNotContain("canary-secret", second.Out + second.Error + get.Out + get.Error + json.Out + json.Error, StringComparison.Ordinal);
        Assert.Equal(Private, File.GetUnixFileMode(FileOf));
        Assert.Equal("canary-secret", JsonDocument.Parse(await File.ReadAllTextAsync(FileOf)).RootElement.GetProperty("origin").GetProperty("secretKey").GetString());
    }

    [Fact]
    public async Task A_file_that_is_wrong_can_be_mended_and_one_that_is_no_json_is_left_alone()
    {
        await File.WriteAllTextAsync(FileOf, "{\"cache\": {\"maxSize\": \"plenty\", \"minFree\": \"some\"}}");
        Assert.Equal(0, (await dscache.RunAsync("config", "set", "cache.maxSize", "1GB")).ExitCode);
        Assert.Contains("cache.minFree", (await dscache.RunAsync("config", "unset", "link")).Error + (await dscache.RunAsync("ls", "--min-free", "0%")).Error + (await dscache.RunAsync("config", "set", "link", "copy")).Error, StringComparison.Ordinal);

        await File.WriteAllTextAsync(FileOf, "{oops");
        var refused = await dscache.RunAsync("config", "set", "cache.maxSize", "1GB");
        Assert.Equal(ExitCode.Configuration, refused.ExitCode);
        Assert.Contains("is not JSON: line 1", refused.Error, StringComparison.Ordinal);
        Assert.Equal("{oops", await File.ReadAllTextAsync(FileOf));
    }

    [Fact]
    public async Task The_file_is_the_nearest_or_the_users_own_or_the_one_that_is_named()
    {
        dscache.Environment.Remove("DSCACHE_CONFIG");
        var own = dscache.In(".config/dscache/dscache.json");
        Assert.Equal((0, FileOf + "\n"), await OutAsync("config", "path"));
        Assert.Equal((0, own + "\n"), await OutAsync("config", "path", "--global"));
        Assert.Equal((0, "/etc/dscache/dscache.json\n"), await OutAsync("config", "path", "--system"));
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("config", "path", "--global", "--file", "x")).ExitCode);
        Assert.Contains("is not read here", (await dscache.RunAsync("config", "set", "link", "copy", "--file", "other.json")).Error, StringComparison.Ordinal);
        Assert.Equal("{\n  \"link\": \"copy\"\n}\n", await File.ReadAllTextAsync(dscache.In("other.json")));
        File.Delete(FileOf);
        dscache.Environment["DSCACHE_LINK"] = "tree";
        var set = await dscache.RunAsync("config", "set", "link", "copy");
        Assert.Contains(own, set.Error, StringComparison.Ordinal);
        Assert.Contains("environment DSCACHE_LINK has a value for link too", set.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(own));
        dscache.Environment["DSCACHE_CONFIG"] = dscache.In("new/one.json");
        Assert.Equal(0, (await dscache.RunAsync("config", "set", "link", "copy")).ExitCode);
        Assert.True(File.Exists(dscache.In("new/one.json")));
    }

    [Fact]
    public async Task A_link_stays_a_link_and_many_at_once_lose_nothing()
    {
        File.Move(FileOf, dscache.In("real.json"));
        File.CreateSymbolicLink(FileOf, dscache.In("real.json"));
        string[] names = ["json", "quiet", "offline", "allowMissing", "cache.durable", "origin.anonymous", "freshness.refresh", "origin.pathStyle"];
        var results = await Task.WhenAll(names.Select(name => dscache.RunAsync("config", "set", name, "false")));
        Assert.All(results, result => Assert.Equal(0, result.ExitCode));
        Assert.NotNull(new FileInfo(FileOf).LinkTarget);
        var text = await File.ReadAllTextAsync(dscache.In("real.json"));
        Assert.All(names, name => Assert.Contains($"\"{name.Split('.')[^1]}\": false", text, StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(dscache.Folder, ".*"));
    }

    private async Task<(int ExitCode, string Out)> OutAsync(params string[] arguments)
    {
        var result = await dscache.RunAsync(arguments);
        return (result.ExitCode, result.Out);
    }
}
