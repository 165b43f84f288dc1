using DatasetCache.Configuration;
using DatasetCache.Datasets;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Configuration;

public sealed class SettingsTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly Dictionary<string, string> flags = [];
    private readonly Dictionary<string, string> environment = new() { ["HOME"] = "/home/u" };
    private readonly List<string> files = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void With_nothing_set_every_default_holds()
    {
        var settings = Load();
        Assert.Equal("/home/u/.cache/dscache", settings.Cache.Root);
        Assert.Equal(new CacheOptions { Root = "/home/u/.cache/dscache" }, settings.Cache);
        Assert.Null(settings.Origin.Url);
        Assert.Null(settings.Origin.Credentials);
        Assert.Equal("auto", settings.Origin.Region);
        Assert.False(settings.Origin.PathStyle);
        Assert.Equal(LinkMode.Symlink, settings.Link);
        Assert.True(settings.Selection.IsDefault);
        Assert.All(settings.All, value => Assert.Equal(SettingSource.Default, value.Source));
    }

    [Fact]
    public void A_flag_beats_the_environment_which_beats_the_nearest_file_which_beats_the_farther_one()
    {
        WriteFile("near.json", """{ "cache": { "maxSize": "3GB", "minFree": "3%" }, "transfer.concurrency": 3 }""");
        WriteFile("far.json", """{ "cache": { "maxSize": "4GB", "minFree": "4%" }, "transfer": { "concurrency": 4, "attempts": 4 } }""");
        flags["cache.maxSize"] = "1GB";
        environment["DSCACHE_MAX_SIZE"] = "2GB";
        environment["DSCACHE_MIN_FREE"] = "2%";

        var settings = Load();

        Assert.Equal(1_000_000_000, settings.Cache.MaxSize);
        Assert.Equal("flag --max-size", settings["cache.maxSize"].Source.ToString());
        Assert.Equal(DiskFloor.OfPercent(2), settings.Cache.MinFree);
        Assert.Equal("environment DSCACHE_MIN_FREE", settings["cache.minFree"].Source.ToString());
        Assert.Equal(3, settings.Cache.Concurrency);
        Assert.Equal("file " + folder["near.json"], settings["transfer.concurrency"].Source.ToString());
        Assert.Equal(4, settings.Cache.Attempts);
        Assert.Equal("default", settings["lock.timeout"].Source.ToString());
    }

    [Theory]
    [InlineData("EXTERNAL_STORAGE_ENDPOINT", "S3_ENDPOINT")]
    [InlineData("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3")]
    [InlineData("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")]
    public void The_first_variable_of_a_setting_that_is_set_wins(string stronger, string weaker)
    {
        environment[weaker] = "http://weaker";
        Assert.Equal("http://weaker", Load().Origin.Endpoint);
        environment[stronger] = "http://stronger:9000/";
        Assert.Equal("http://stronger:9000", Load().Origin.Endpoint);
        environment[stronger] = "";
        Assert.Equal("http://weaker", Load().Origin.Endpoint);
    }

    [Fact]
    public void Path_style_follows_the_endpoint_unless_it_is_set()
    {
        environment["S3_ENDPOINT"] = "http://localhost:9000";
        Assert.True(Load().Origin.PathStyle);
        environment["DSCACHE_PATH_STYLE"] = "false";
        Assert.False(Load().Origin.PathStyle);
    }

    [Fact]
    public void Every_setting_has_a_variable_and_every_variable_is_heard()
    {
        foreach (var setting in SettingTable.All)
        {
            Assert.NotEmpty(setting.Variables);
            foreach (var variable in setting.Variables)
            {
                // Halves of a pair are another test's matter.
                if (variable.Contains("KEY", StringComparison.Ordinal) || variable.Contains("TOKEN", StringComparison.Ordinal))
                    continue;
                var value = setting.Choices.Count > 0 ? setting.Choices[^1] : setting.Name switch
                {
                    "origin.endpoint" => "http://e",
                    "cache.maxSize" or "cache.minFree" or "scrub.rate" => "7GB",
                    "cache.lowMark" => "70%",
                    "eviction.baseTtl" or "eviction.maxTtl" or "scrub.period" => "7d",
                    "transfer.concurrency" or "transfer.attempts" => "7",
                    "transfer.stallTimeout" or "lock.timeout" or "freshness.ttl" or "freshness.maxStale" => "7s",
                    "origin.datasetPath" => "{snapshot}/{dataset}/",
                    "cache.sharedRoot" => "/a:/b",
                    _ => "x",
                };
                var settings = Settings.Load(flags, name => name == variable ? value : name == "HOME" ? "/h" : null, files);
                Assert.Equal(value, settings[setting.Name].Value);
                Assert.Equal("environment " + variable, settings[setting.Name].Source.ToString());
            }
        }
    }

    [Fact]
    public void An_unknown_key_is_an_error_that_names_file_key_and_the_nearest_name()
    {
        WriteFile("dscache.json", """{ "origin": { "endpiont": "http://x" }, "maxsize": 1, "nothingLikeIt": 1, "$schema": "x" }""");
        var message = LoadFails().Message;
        Assert.Contains($"{folder["dscache.json"]}: there is no setting 'origin.endpiont'. Did you mean 'origin.endpoint'?", message, StringComparison.Ordinal);
        Assert.Contains("there is no setting 'maxsize'. Did you mean 'cache.maxSize'?", message, StringComparison.Ordinal);
        Assert.Contains("there is no setting 'nothingLikeIt'.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("schema", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"cache\": ", "is not JSON: line 1")]
    [InlineData("[]", "holds no JSON object")]
    [InlineData("""{ "cache": { "root": ["a"] } }""", "cache.root must be a string")]
    [InlineData("""{ "link": "tree", "link": "copy" }""", "link stands there twice")]
    public void A_broken_file_is_an_error_that_names_it(string text, string expected)
    {
        WriteFile("dscache.json", text);
        var message = LoadFails().Message;
        Assert.Contains(folder["dscache.json"], message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_wrong_settings_come_in_one_error_with_value_and_source()
    {
        environment["DSCACHE_MAX_SIZE"] = "50G";
        environment["DSCACHE_STALL_TIMEOUT"] = "30";
        environment["DSCACHE_DURABLE"] = "maybe";
        environment["S3_ENDPOINT"] = "localhost:9000";
        flags["transfer.concurrency"] = "0";
        WriteFile("f.json", """{ "origin": { "datasetPath": "../{dataset}" }, "select": "some" }""");

        var error = LoadFails();

        Assert.Equal(ErrorCode.Configuration, error.Code);
        Assert.Contains("cache.maxSize is '50G' (environment DSCACHE_MAX_SIZE); it must be a size", error.Message, StringComparison.Ordinal);
        Assert.Contains("transfer.stallTimeout is '30' (environment DSCACHE_STALL_TIMEOUT)", error.Message, StringComparison.Ordinal);
        Assert.Contains("cache.durable is 'maybe'", error.Message, StringComparison.Ordinal);
        Assert.Contains("origin.endpoint is 'localhost:9000' (environment S3_ENDPOINT)", error.Message, StringComparison.Ordinal);
        Assert.Contains("transfer.concurrency is '0' (flag --concurrency)", error.Message, StringComparison.Ordinal);
        Assert.Contains($"origin.datasetPath is '../{{dataset}}' (file {folder["f.json"]})", error.Message, StringComparison.Ordinal);
        Assert.Contains("select is 'some'", error.Message, StringComparison.Ordinal);
        Assert.Contains("7 settings are wrong", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_in_the_endpoint_is_refused_and_not_shown()
    {
        environment["S3_ENDPOINT"] = "http://user:canary@host";
        Assert.DoesNotContain("canary", LoadFails().ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_home_the_root_must_be_set()
    {
        environment.Remove("HOME");
        Assert.Contains("cache.root", LoadFails().Message, StringComparison.Ordinal);
        environment["XDG_CACHE_HOME"] = "/x";
        Assert.Equal("/x/dscache", Load().Cache.Root);
    }

    [Fact]
    public void Lists_are_read_from_arrays_and_from_text()
    {
        WriteFile("f.json", """{ "include": ["a/**", "b.txt"], "select": "all" }""");
        environment["DSCACHE_EXCLUDE"] = "x; y ;";
        var selection = Load().Selection;
        Assert.Equal(["a/**", "b.txt"], selection.Include);
        Assert.Equal(["x", "y"], selection.Exclude);
        Assert.Equal(SelectionMode.All, selection.Mode);
    }

    [Fact]
    public void The_files_looked_for_are_the_named_one_alone_or_three_places()
    {
        environment["XDG_CONFIG_HOME"] = "/xdg";
        Assert.Equal(["/w/dscache.json", "/xdg/dscache/dscache.json", "/etc/dscache/dscache.json"], Settings.ConfigFiles(Environment, "/w"));
        environment.Remove("XDG_CONFIG_HOME");
        Assert.Equal("/home/u/.config/dscache/dscache.json", Settings.ConfigFiles(Environment, "/w")[1]);

        environment["DSCACHE_CONFIG"] = folder["named.json"];
        var error = Assert.Throws<ConfigurationException>(() => Settings.ConfigFiles(Environment, "/w"));
        Assert.Contains(folder["named.json"], error.Message, StringComparison.Ordinal);
        folder.Write("named.json", "{}");
        Assert.Equal([folder["named.json"]], Settings.ConfigFiles(Environment, "/w"));
    }

    private string? Environment(string name) => environment.GetValueOrDefault(name);

    private void WriteFile(string name, string text) => files.Add(folder.Write(name, text));

    private Settings Load() => Settings.Load(flags, Environment, files);

    private ConfigurationException LoadFails() => Assert.Throws<ConfigurationException>(Load);
}
