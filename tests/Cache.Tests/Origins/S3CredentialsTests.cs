using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(DatasetCache.Cache.Tests.Origins.SdkHome))]

namespace DatasetCache.Cache.Tests.Origins;

public sealed class S3CredentialsTests
{
    [Fact]
    public async Task Without_any_credentials_the_error_lists_every_place_that_was_looked_at()
    {
        using var origin = new S3Origin("bucket", new OriginOptions { Endpoint = "http://127.0.0.1:1" }, TimeProvider.System);

        var error = await Assert.ThrowsAsync<ConfigurationException>(() => origin.ListAllAsync());

        foreach (var place in new[]
        {
            "EXTERNAL_ACCESS_KEY + EXTERNAL_SECRET_KEY", "AWS_ACCESS_KEY_ID + AWS_SECRET_ACCESS_KEY", "dscache.json", "AWS_PROFILE", "default profile",
            "container", "metadata",
        })
        {
            Assert.Contains(place, error.Message, StringComparison.Ordinal);
        }
        Assert.Contains("DSCACHE_ANONYMOUS", error.Advice!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_profile_signs_and_one_that_is_not_there_is_named()
    {
        await using var server = await RangeServer.StartAsync([("o", 5)]);
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        var options = new OriginOptions { Endpoint = proxy.Endpoint, Profile = SdkHome.Profile };

        using var known = new S3Origin("bucket", options, TimeProvider.System);
        await known.ReadAllAsync(Assert.Single(await known.ListAllAsync()));
        Assert.Contains("X-Amz-Credential=TEAMKEY%2F", Assert.Single(proxy.Requests, request => request.IsObjectRead).Query, StringComparison.Ordinal);

        using var unknown = new S3Origin("bucket", options with { Profile = "nobody" }, TimeProvider.System);
        var error = await Assert.ThrowsAsync<ConfigurationException>(() => unknown.ListAllAsync());
        Assert.Equal("origin.profile", error.Setting);
        Assert.Contains("'nobody'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_that_were_missing_at_first_are_found_by_who_asks_next()
    {
        await using var server = await RangeServer.StartAsync([("o", 5)]);
        using var origin = new S3Origin("bucket", new OriginOptions { Endpoint = server.Endpoint, Profile = "late" }, TimeProvider.System);
        await Assert.ThrowsAsync<ConfigurationException>(() => origin.ListAllAsync());

        await File.AppendAllTextAsync(Environment.GetEnvironmentVariable("AWS_SHARED_CREDENTIALS_FILE")!, "[late]\naws_access_key_id=LATEKEY\naws_secret_access_key=s\n", TestContext.Current.CancellationToken);

        Assert.Equal(5, (await origin.ReadAllAsync(Assert.Single(await origin.ListAllAsync()))).Length);
    }
}

/// <summary>
/// Puts what the AWS SDK looks at by itself, which is the tester's own, out of its sight. Before all tests: the SDK asks once where its files are.
/// </summary>
public sealed class SdkHome : IDisposable
{
    public const string Profile = "team";

    private static readonly string[] Variables =
    [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];

    private readonly TempFolder folder = new();

    public SdkHome()
    {
        foreach (var variable in Variables)
            Environment.SetEnvironmentVariable(variable, null);
        Environment.SetEnvironmentVariable("AWS_EC2_METADATA_DISABLED", "true");
        Environment.SetEnvironmentVariable("AWS_SHARED_CREDENTIALS_FILE", folder.Write("credentials", $"[{Profile}]\naws_access_key_id=TEAMKEY\naws_secret_access_key=s\n"));
        Environment.SetEnvironmentVariable("AWS_CONFIG_FILE", folder["config"]);
    }

    public void Dispose() => folder.Dispose();
}
