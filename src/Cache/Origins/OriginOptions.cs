using DatasetCache.Configuration;

namespace DatasetCache.Origins;

/// <summary>How to reach origins. Made from settings by <see cref="Settings"/>, or by hand.</summary>
public sealed record OriginOptions
{
    /// <summary>The origin of datasets that name none: <c>s3://bucket[/prefix]</c> or a folder. Default: <c>s3://</c> + <see cref="Bucket"/>.</summary>
    public string? Url { get; init; }

    /// <summary>URL of an S3-compatible store without a trailing '/'. Default: null, AWS.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The bucket where <see cref="Url"/> is not set. Default: null.</summary>
    public string? Bucket { get; init; }

    /// <summary>A key pair. Default: null, what the AWS SDK finds (profile, environment, container, instance).</summary>
    public OriginCredentials? Credentials { get; init; }

    /// <summary>Profile in the AWS configuration files, where <see cref="Credentials"/> is null. Default: null.</summary>
    public string? Profile { get; init; }

    /// <summary>Region that requests are signed for. Default: <c>auto</c> (with AWS: the profile's, else us-east-1).</summary>
    public string Region { get; init; } = "auto";

    /// <summary>Whether the bucket stands in the URL's path and not in its host name. Default: null, true where an endpoint is set.</summary>
    public bool? PathStyle { get; init; }

    /// <summary>Send requests unsigned, whatever credentials there are. Default: false.</summary>
    public bool Anonymous { get; init; }

    /// <summary>Connections at once to one origin. Default: 32.</summary>
    public int Concurrency { get; init; } = 32;

    /// <summary>Attempts for one page of a listing. Default: 6.</summary>
    public int Attempts { get; init; } = 6;
}

/// <summary>A key pair with, for temporary ones, its session token. Never printed.</summary>
public sealed record OriginCredentials(string AccessKey, string SecretKey, string? SessionToken = null)
{
    public override string ToString() => nameof(OriginCredentials);
}
