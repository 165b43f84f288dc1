using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace DatasetCache.Origins;

/// <summary>
/// Makes exceptions of what went wrong with a bucket: which object, what the server said, what to do. Nothing that a server or the SDK said is
/// passed on unread: signatures, tokens and keys are blotted out, and the SDK's own exceptions, which carry whole responses, are left behind.
/// </summary>
internal sealed partial class S3Failure(string bucket, OriginOptions options, TimeProvider time)
{
    // S3 refuses a clock that is 15 minutes off.
    private static readonly TimeSpan MaxSkew = TimeSpan.FromMinutes(10);

    /// <param name="action">What was tried: <c>GET</c>, <c>Listing</c>.</param>
    /// <param name="key">The object, or the prefix.</param>
    /// <param name="error">What the server said.</param>
    /// <param name="server">Host and port.</param>
    public OriginException Refused(string action, string key, S3Error error, string server)
    {
        var said = Redact(string.Join(": ", new[] { error.Code, error.Message }.Where(text => !string.IsNullOrWhiteSpace(text))).ReplaceLineEndings(" "));
        if (said.Length > 500)
            said = said[..500] + "…";
        var message = $"{action} of s3://{bucket}/{key} at {server} failed: HTTP {error.Status}{(said.Length > 0 ? " " + said : "")} (request id {error.RequestId ?? "not given"}).";
        return new OriginException(Kind(error), message, key, error.Status, error.RequestId, error.RetryAfter, Advice(error));
    }

    public OriginException Unreachable(string action, string key, Uri server, Exception cause)
    {
        // Nothing of the network in it: the SDK could not even sign, because a token ran out or a profile's program failed.
        if (!Causes(cause).Any(e => e is HttpRequestException or IOException or SocketException or TimeoutException or OperationCanceledException))
        {
            return new OriginException(OriginFailure.AccessDenied, $"{action} of s3://{bucket}/{key} could not be sent: {Redact(Causes(cause).Last().Message)}", key,
                advice: "Check the credentials: temporary ones may have run out.");
        }
        var socket = Causes(cause).OfType<SocketException>().FirstOrDefault();
        var reason = socket?.SocketErrorCode switch
        {
            SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "its name cannot be resolved",
            SocketError.ConnectionRefused => "the connection was refused",
            SocketError.ConnectionReset => "the connection was reset",
            SocketError.NetworkUnreachable or SocketError.HostUnreachable => "there is no route to it",
            SocketError.TimedOut => "it does not answer",
            not null => socket.Message,
            // Connecting takes too long: .NET says that with a cancellation.
            null when Causes(cause).Any(e => e is TimeoutException or OperationCanceledException) => "it does not answer",
            null => Causes(cause).Last().Message,
        };
        return new OriginException(OriginFailure.Network, $"{action} of s3://{bucket}/{key} failed: {server.Host}:{server.Port} cannot be reached: {Redact(reason)}.",
            key, advice: options.Endpoint is null
                ? "Check this host's network, and whether an endpoint should have been set (origin.endpoint)."
                : $"Check origin.endpoint ({options.Endpoint}) and this host's network.",
            // Not the exception itself: its texts are not ours to vouch for.
            inner: socket);
    }

    public OriginException Broken(string key, long read, long expected, int status, string? requestId, Exception cause) =>
        new(OriginFailure.Network, $"The connection broke after {read} of {expected} bytes of s3://{bucket}/{key}: {Redact(Causes(cause).Last().Message)} "
            + $"(HTTP {status}, request id {requestId ?? "not given"}).", key, status, requestId);

    public OriginException Unexpected(OriginFailure failure, string key, string what, int status, string? requestId) =>
        new(failure, $"GET of s3://{bucket}/{key} answered HTTP {status}, but {Redact(what)} (request id {requestId ?? "not given"}).", key, status, requestId);

    private static OriginFailure Kind(S3Error error) => (error.Status, error.Code) switch
    {
        (_, "SlowDown" or "Throttling" or "ThrottlingException" or "RequestLimitExceeded" or "TooManyRequests") or (429 or 503, _) => OriginFailure.Throttled,
        (_, "RequestTimeout" or "InternalError") or (408, _) => OriginFailure.ServerError,
        (_, "ExpiredToken" or "TokenRefreshRequired" or "InvalidToken" or "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "RequestTimeTooSkewed")
            or (401 or 403, _) => OriginFailure.AccessDenied,
        (404, _) => OriginFailure.NotFound,
        // 416: If-Match held, and yet the listed range is not there.
        (412 or 416, _) => OriginFailure.Changed,
        (501 or 505, _) => OriginFailure.Rejected,
        ( >= 500, _) => OriginFailure.ServerError,
        _ => OriginFailure.Rejected,
    };

    private string? Advice(S3Error error)
    {
        var skew = error.ServerTime is { } serverTime ? time.GetUtcNow() - serverTime : TimeSpan.Zero;
        var isClock = string.Equals(error.Code, "RequestTimeTooSkewed", StringComparison.Ordinal) || (error.Status == 403 && skew.Duration() > MaxSkew);
        return (error.Status, error.Code) switch
        {
            _ when isClock => "Set this host's clock" + (skew.Duration() > TimeSpan.FromSeconds(2)
                ? $": it is {skew.Duration().TotalMinutes:0} minutes {(skew > TimeSpan.Zero ? "ahead of" : "behind")} the server's." : "."),
            (301 or 302 or 307 or 308, _) or (400, "AuthorizationHeaderMalformed" or "AuthorizationQueryParametersError" or "IllegalLocationConstraintException") =>
                $"The bucket is in {(error.Region is { } region ? $"region {Redact(region)}" : "another region or behind another endpoint")}: set origin.region "
                + $"(DSCACHE_REGION) to it{(options.Endpoint is null ? "" : $", and check origin.endpoint ({options.Endpoint})")}. It is '{options.Region}' now.",
            (_, "NoSuchBucket") => $"There is no bucket '{bucket}': check the name and origin.endpoint ({options.Endpoint ?? "AWS"}).",
            (_, "InvalidAccessKeyId") => "The access key is unknown there: check origin.accessKey and origin.endpoint.",
            (_, "SignatureDoesNotMatch") => "The secret does not belong to the access key: check origin.secretKey.",
            (_, "ExpiredToken" or "TokenRefreshRequired" or "InvalidToken") => "The temporary credentials have expired: get new ones.",
            (401 or 403, _) when options.Anonymous => "The bucket is not public: set credentials, and origin.anonymous to false.",
            (401 or 403, _) => $"Give the credentials s3:ListBucket on '{bucket}' and s3:GetObject on what is in it, or use others.",
            _ => null,
        };
    }

    private string Redact(string text)
    {
        text = SignedParameter().Replace(text, "…");
        foreach (var secret in new[] { options.Credentials?.SecretKey, options.Credentials?.SessionToken, options.Credentials?.AccessKey })
        {
            if (!string.IsNullOrEmpty(secret))
                text = text.Replace(secret, "…", StringComparison.Ordinal);
        }
        return text;
    }

    private static IEnumerable<Exception> Causes(Exception e)
    {
        for (var cause = e; cause is not null; cause = cause.InnerException)
            yield return cause;
    }

    [GeneratedRegex("(X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=[^&\\s\"'<]*",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex SignedParameter();
}
