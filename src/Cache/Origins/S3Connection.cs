using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace DatasetCache.Origins;

/// <summary>
/// Everything of an S3 origin that needs the AWS SDK, made when the first listing or read wants it: the SDK takes 0.1 s to load, which a
/// warm hit must not pay.
/// </summary>
internal sealed class S3Connection : IDisposable
{
    private readonly AWSCredentials? credentials;
    private readonly Task<Address> address;
    private readonly TimeProvider time;

    private S3Connection(AmazonS3Client client, AWSCredentials? credentials, Task<Address> address, TimeProvider time)
        => (Client, this.credentials, this.address, this.time) = (client, credentials, address, time);

    public AmazonS3Client Client { get; }

    /// <exception cref="ConfigurationException">There are no credentials.</exception>
    public static async Task<S3Connection> OpenAsync(string bucket, OriginOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var found = await S3Credentials.FindAsync(options, time, cancellationToken);
        // Beside the first page of the listing, which does not need it: what either loads and compiles takes a processor tens of milliseconds.
        var address = Task.Run(() => AskForAddressAsync(bucket, options), CancellationToken.None);
        return new S3Connection(new AmazonS3Client(found ?? new AnonymousAWSCredentials(), Config(options)), found, address, time);
    }

    /// <returns>Scheme, host and, with path style, bucket, ending in '/'.</returns>
    public async ValueTask<Uri> BaseUrlAsync() => (await address).BaseUrl;

    /// <summary>The URL that gets an object, good for an hour. It is a credential: it belongs in no message and no log.</summary>
    /// <exception cref="AmazonClientException">The credentials ran out and could not be renewed.</exception>
    public async ValueTask<Uri> PresignAsync(string key)
    {
        var (baseUrl, presigner) = await address;
        if (credentials is null)
            return presigner.Presign(credentials: null, key, default);
        var current = await credentials.GetCredentialsAsync();
        // The SDK learns from the server's answers how wrong this host's clock is.
        var now = time.GetUtcNow() + CorrectClockSkew.GetClockCorrectionForEndpoint(Client.Config.ServiceURL ?? baseUrl.GetLeftPart(UriPartial.Authority));
        return presigner.Presign(new OriginCredentials(current.AccessKey, current.SecretKey, current.UseToken ? current.Token : null), key, now);
    }

    public void Dispose() => Client.Dispose();

    private static AmazonS3Config Config(OriginOptions options)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.PathStyle ?? options.Endpoint is not null,
            // What the SDK sends and wants otherwise, compatible stores refuse.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            // The endpoint is part of a dataset's identity: nobody but our settings may name it.
            IgnoreConfiguredEndpointUrls = true,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = Math.Max(0, options.Attempts - 1),
            Timeout = TimeSpan.FromSeconds(60),
            ConnectTimeout = S3Http.ConnectTimeout,
        };
        var isAuto = string.Equals(options.Region, "auto", StringComparison.Ordinal);
        if (options.Endpoint is null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName((isAuto ? S3Credentials.ProfileRegion(options) : options.Region) ?? "us-east-1");
        }
        else
        {
            config.ServiceURL = options.Endpoint;
            config.AuthenticationRegion = options.Region;
            config.UseHttp = options.Endpoint.StartsWith("http:", StringComparison.OrdinalIgnoreCase);
        }
        return config;
    }

    // The SDK knows how host names are made (regions, path style, odd bucket names): it presigns once, and the rest follows that example.
    private static async Task<Address> AskForAddressAsync(string bucket, OriginOptions options)
    {
        const string Example = "example";
        // Whose key it is does not matter, and real ones may just be unable to sign.
        using var client = new AmazonS3Client(new BasicAWSCredentials(Example, Example), Config(options));
        var url = new Uri(await client.GetPreSignedURLAsync(new GetPreSignedUrlRequest
        {
            BucketName = bucket,
            Key = Example,
            Expires = TimeProvider.System.GetUtcNow().UtcDateTime + S3Presigner.Lifetime,
            Protocol = client.Config.UseHttp ? Protocol.HTTP : Protocol.HTTPS,
        }));
        var path = url.AbsolutePath;
        var baseUrl = new Uri(url.GetLeftPart(UriPartial.Authority) + path[..^Example.Length]);
        // …X-Amz-Credential=KEY%2Fdate%2Fregion%2Fs3%2Faws4_request
        var scope = url.Query.TrimStart('?').Split('&').First(part => part.StartsWith("X-Amz-Credential=", StringComparison.Ordinal));
        var region = Uri.UnescapeDataString(scope).Split('/')[^3];
        return new Address(baseUrl, new S3Presigner(baseUrl, region));
    }

    private sealed record Address(Uri BaseUrl, S3Presigner Presigner);
}
