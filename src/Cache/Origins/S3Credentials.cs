using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Credentials;
using Amazon.S3;
using DatasetCache.Configuration;

namespace DatasetCache.Origins;

/// <summary>Finds the credentials to use: the settings' pair, the named profile, or what the AWS SDK finds on this host.</summary>
internal static class S3Credentials
{
    // An instance's metadata service answers in milliseconds; where there is none, the SDK would try for a long time.
    private static readonly TimeSpan SearchTimeout = TimeSpan.FromSeconds(5);

    /// <returns>Null for anonymous requests.</returns>
    /// <exception cref="ConfigurationException">There are none.</exception>
    public static async Task<AWSCredentials?> FindAsync(OriginOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.Anonymous)
            return null;
        if (options.Credentials is { } pair)
        {
            return pair.SessionToken is null
                ? new BasicAWSCredentials(pair.AccessKey, pair.SecretKey)
                : new SessionAWSCredentials(pair.AccessKey, pair.SecretKey, pair.SessionToken);
        }
        return options.Profile is { } profile
            ? await FromProfileAsync(profile, time, cancellationToken)
            : await FromHostAsync(time, cancellationToken);
    }

    /// <summary>The region that a profile names, or null.</summary>
    public static string? ProfileRegion(OriginOptions options)
    {
        try
        {
            return new CredentialProfileStoreChain().TryGetProfile(options.Profile ?? "default", out var profile) ? profile.Region?.SystemName : null;
        }
        catch (Exception e) when (e is AmazonClientException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<AWSCredentials> FromProfileAsync(string profile, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!new CredentialProfileStoreChain().TryGetProfile(profile, out _))
        {
            throw new ConfigurationException(SettingTable.OriginProfile,
                $"There is no profile '{profile}' with credentials in ~/.aws/credentials or ~/.aws/config.",
                "Correct origin.profile (AWS_PROFILE), or add the profile.");
        }
        try
        {
            return await SearchAsync(new AmazonS3Config { Profile = new Profile(profile), RegionEndpoint = RegionEndpoint.USEast1 }, time, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new ConfigurationException(SettingTable.OriginProfile, $"The profile '{profile}' gives no credentials: {e.Message}");
        }
    }

    private static async Task<AWSCredentials> FromHostAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        string reason;
        try
        {
            return await SearchAsync(config: null, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            reason = $"no answer within {SearchTimeout.TotalSeconds:0} s";
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            reason = e.GetType().Name;
        }
        var places = SettingTable.Get(SettingTable.OriginAccessKey).Variables.Zip(SettingTable.Get(SettingTable.OriginSecretKey).Variables,
            (access, secret) => $"{access} + {secret}");
        throw new ConfigurationException(SettingTable.OriginAccessKey,
            $"No credentials for S3 were found ({reason}). Looked for {string.Join(", ", places)}, origin.accessKey + origin.secretKey in dscache.json, "
            + "AWS_PROFILE, the default profile in ~/.aws, a web identity token, a container's credentials, and the instance's metadata service.",
            "Set one of these, or origin.anonymous (DSCACHE_ANONYMOUS=true) for a public bucket.");
    }

    // The SDK's search blocks in places: on a thread of the pool it can be left behind.
    private static Task<AWSCredentials> SearchAsync(IClientConfig? config, TimeProvider time, CancellationToken cancellationToken) => Task.Run(async () =>
    {
        var found = await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync(config);
        await found.GetCredentialsAsync();
        return found;
    }, cancellationToken).WaitAsync(SearchTimeout, time, cancellationToken);
}
