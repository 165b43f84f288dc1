using System.Globalization;
using System.Runtime.CompilerServices;
using DatasetCache.Cli.Output;
using DatasetCache.Configuration;
using DatasetCache.Origins;

namespace DatasetCache.Cli.Diagnosis;

/// <summary>The configured origin: credentials, reach, clock, listing, reading.</summary>
internal static class OriginChecks
{
    // A store that takes longer for one page or one byte is down for a person who waits.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // S3 refuses requests that are signed 15 minutes off; 5 leave room for drift.
    private static readonly TimeSpan SkewRefused = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan SkewSuspicious = TimeSpan.FromMinutes(5);

    public static async IAsyncEnumerable<Finding> RunAsync(Session session, Settings settings, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (settings.Origin.Url is null && settings.Origin.Bucket is null)
        {
            yield return Finding.Warn("origin", "no default origin is set: only s3://… and folders can be fetched by name",
                "Set DSCACHE_ORIGIN or EXTERNAL_BUCKET_DATASETS, or pass --origin, to have it checked.");
            yield break;
        }
        var isFolder = settings.Origin.Url is { } url && !url.StartsWith("s3://", StringComparison.Ordinal);
        if (!isFolder)
        {
            yield return Credentials(settings);
            yield return await ClockAsync(session, settings, cancellationToken);
        }
        await foreach (var finding in ReadAsync(session, settings, cancellationToken))
            yield return finding;
    }

    private static Finding Credentials(Settings settings)
    {
        if (settings.Origin.Anonymous)
            return Finding.Ok("credentials", "none: requests go unsigned (origin.anonymous)");
        if (settings.Origin.Credentials is not null)
            return Finding.Ok("credentials", $"a key pair ({settings[SettingTable.OriginAccessKey].Source})");
        return settings.Origin.Profile is { } profile
            ? Finding.Ok("credentials", $"profile {profile} of the AWS configuration files")
            : Finding.Warn("credentials", "no key pair is set: the AWS SDK looks for a profile, a container's or an instance's role",
                "Set EXTERNAL_ACCESS_KEY and EXTERNAL_SECRET_KEY, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, if the next lines fail.");
    }

    private static async Task<Finding> ClockAsync(Session session, Settings settings, CancellationToken cancellationToken)
    {
        var endpoint = settings.Origin.Endpoint ?? "https://s3.amazonaws.com";
        try
        {
            using var client = new HttpClient { Timeout = Patience };
            using var request = new HttpRequestMessage(HttpMethod.Head, endpoint);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.Headers.Date is not { } theirs)
                return Finding.Warn("clock", $"{endpoint} answers without a Date: the clocks cannot be compared", "Check this host's clock by hand.");
            var skew = (session.Time.GetUtcNow() - theirs).Duration();
            var detail = string.Create(CultureInfo.InvariantCulture, $"{Display.Duration(skew)} apart from {endpoint}");
            if (skew >= SkewRefused)
                return Finding.Fail("clock", detail, "Set this host's clock (NTP): signed requests are refused when clocks are 15 minutes apart.", ErrorCode.AccessDenied);
            return skew >= SkewSuspicious ? Finding.Warn("clock", detail, "Set this host's clock (NTP) before it is refused.") : Finding.Ok("clock", detail);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return Finding.Fail("endpoint", $"{endpoint} cannot be reached: {exception.Message}",
                $"Check the address ({settings[SettingTable.OriginEndpoint].Source}), DNS, proxies and firewalls.", ErrorCode.OriginUnreachable);
        }
    }

    private static async IAsyncEnumerable<Finding> ReadAsync(Session session, Settings settings, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Patience);
        var (listing, origin, target) = await ListAsync(session, settings, timeout.Token);
        yield return listing;
        if (origin is not null && target is not null)
            yield return await ReadOneAsync(origin, target, timeout.Token);
    }

    private static async Task<(Finding, IOrigin?, OriginObject?)> ListAsync(Session session, Settings settings, CancellationToken cancellationToken)
    {
        const string check = "listing";
        IOrigin? origin = null;
        try
        {
            (origin, var prefix) = session.OpenOrigin(settings);
            await foreach (var found in origin.ListAsync(prefix, cancellationToken))
            {
                if (found.Size > 0)
                    return (Finding.Ok(check, $"{origin.Identity} can be listed"), origin, found);
            }
            return (Finding.Warn(check, $"{origin.Identity}/{prefix} can be listed and holds nothing", "Check the bucket's name and the prefix."), origin, null);
        }
        catch (OperationCanceledException)
        {
            return (Finding.Fail(check, $"{origin?.Identity} did not answer within {Display.Duration(Patience)}", "Check the network and the endpoint.", ErrorCode.OriginUnreachable), origin, null);
        }
        catch (Exception exception)
        {
            return (Finding.Fail(check, exception), origin, null);
        }
    }

    private static async Task<Finding> ReadOneAsync(IOrigin origin, OriginObject target, CancellationToken cancellationToken)
    {
        const string check = "reading";
        try
        {
            var wanted = (int)Math.Min(target.Size, 4096);
            await using var body = await origin.OpenReadAsync(target, 0, wanted, cancellationToken);
            var read = await body.ReadAsync(new byte[wanted], cancellationToken);
            return read > 0
                ? Finding.Ok(check, $"the first bytes of {target.Key} arrived")
                : Finding.Fail(check, $"{target.Key} came without a byte", "Look at what stands between this host and the store.", ErrorCode.OriginUnreachable);
        }
        catch (OperationCanceledException)
        {
            return Finding.Fail(check, $"{target.Key} did not arrive within {Display.Duration(Patience)}", "Check the network.", ErrorCode.OriginUnreachable);
        }
        catch (Exception exception)
        {
            return Finding.Fail(check, exception);
        }
    }
}
