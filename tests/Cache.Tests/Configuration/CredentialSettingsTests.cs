using DatasetCache.Configuration;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Configuration;

public sealed class CredentialSettingsTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly Dictionary<string, string> flags = [];
    private readonly Dictionary<string, string> environment = new() { ["HOME"] = "/home/u" };
    private readonly List<string> files = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_platforms_pair_beats_the_AWS_pair_and_takes_nothing_from_it()
    {
        SetAwsPair();
        environment["AWS_SESSION_TOKEN"] = "aws-token";
        Assert.Equal(new OriginCredentials("aws-key", "aws-secret", "aws-token"), Load().Origin.Credentials);
        environment["EXTERNAL_ACCESS_KEY"] = "ext-key";
        environment["EXTERNAL_SECRET_KEY"] = "ext-secret";
        Assert.Equal(new OriginCredentials("ext-key", "ext-secret"), Load().Origin.Credentials);
    }

    [Theory]
    [InlineData("EXTERNAL_ACCESS_KEY", "origin.secretKey", "origin.accessKey")]
    [InlineData("EXTERNAL_SECRET_KEY", "origin.accessKey", "origin.secretKey")]
    public void Half_a_pair_is_an_error_although_the_other_family_is_whole(string variable, string missing, string present)
    {
        SetAwsPair();
        environment[variable] = "canary-4711";
        var error = Assert.Throws<ConfigurationException>(Load);
        Assert.Equal(missing, error.Setting);
        Assert.Contains(missing + " is not set", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{present} is (environment {variable})", error.Message, StringComparison.Ordinal);
        Assert.Contains("EXTERNAL_ACCESS_KEY + EXTERNAL_SECRET_KEY, then AWS_ACCESS_KEY_ID + AWS_SECRET_ACCESS_KEY", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_weaker_pair_does_not_matter()
    {
        environment["EXTERNAL_ACCESS_KEY"] = "k";
        environment["EXTERNAL_SECRET_KEY"] = "s";
        environment["AWS_ACCESS_KEY_ID"] = "half";
        Assert.Equal(new OriginCredentials("k", "s"), Load().Origin.Credentials);
    }

    [Fact]
    public void Two_files_do_not_make_a_pair()
    {
        files.Add(folder.Write("near.json", """{ "origin": { "accessKey": "k" } }"""));
        files.Add(folder.Write("far.json", """{ "origin": { "accessKey": "l", "secretKey": "s" } }"""));
        Assert.Contains(folder["far.json"], Assert.Throws<ConfigurationException>(Load).Message, StringComparison.Ordinal);
        files.RemoveAt(0);
        Assert.Equal(new OriginCredentials("l", "s"), Load().Origin.Credentials);
    }

    [Fact]
    public void A_profile_from_a_stronger_place_beats_a_pair()
    {
        SetAwsPair();
        environment["AWS_PROFILE"] = "p";
        Assert.NotNull(Load().Origin.Credentials);
        flags["origin.profile"] = "p";
        var settings = Load();
        Assert.Null(settings.Origin.Credentials);
        Assert.Equal("p", settings.Origin.Profile);
        Assert.Null(settings["origin.accessKey"].Value);
    }

    [Fact]
    public void Secrets_are_never_shown()
    {
        environment["AWS_ACCESS_KEY_ID"] = "key-id";
        environment["AWS_SECRET_ACCESS_KEY"] = "canary-1";
        environment["AWS_SESSION_TOKEN"] = "canary-2";
        var settings = Load();
        var shown = string.Join('\n', settings.All) + settings.Origin + settings.Origin.Credentials;
        Assert.Contains("origin.secretKey = (hidden) (environment AWS_SECRET_ACCESS_KEY)", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", shown, StringComparison.Ordinal);
    }

    private void SetAwsPair()
    {
        environment["AWS_ACCESS_KEY_ID"] = "aws-key";
        environment["AWS_SECRET_ACCESS_KEY"] = "aws-secret";
    }

    private Settings Load() => Settings.Load(flags, name => environment.GetValueOrDefault(name), files);
}
