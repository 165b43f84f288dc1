namespace DatasetCache.Origins;

/// <summary>How a request to an origin failed.</summary>
public enum OriginFailure
{
    NotFound,
    AccessDenied,
    /// <summary>412, or an ETag other than the listed one.</summary>
    Changed,
    /// <summary>429, 503 SlowDown.</summary>
    Throttled,
    ServerError,
    /// <summary>DNS, refused connection, reset, TLS.</summary>
    Network,
    /// <summary>No answer, or bytes too slowly, for the stall timeout.</summary>
    Stalled,
    /// <summary>An answer that is not what HTTP or S3 promise: short body, long body, 200 for a Range, another Content-Range.</summary>
    Protocol,
    /// <summary>Any other refusal (400, 405 …): repeating it is pointless.</summary>
    Rejected,
}

/// <summary>A request to an origin failed. The message holds the object key, the HTTP status and the request id, never a credential.</summary>
public sealed class OriginException(
    OriginFailure failure, string message, string? objectKey = null, int? httpStatus = null, string? requestId = null,
    TimeSpan? retryAfter = null, string? advice = null, Exception? inner = null)
    : DatasetCacheException(CodeOf(failure), message, advice, inner)
{
    public OriginFailure Failure { get; } = failure;

    public string? ObjectKey { get; } = objectKey;

    public int? HttpStatus { get; } = httpStatus;

    /// <summary>The origin's own name for the request (x-amz-request-id), for its operator's logs.</summary>
    public string? RequestId { get; } = requestId;

    /// <summary>How long the origin asked to be left alone, where it did.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>Whether a transfer should try the same request again by itself.</summary>
    public bool IsTransient => Failure is OriginFailure.Throttled or OriginFailure.ServerError or OriginFailure.Network
        or OriginFailure.Stalled or OriginFailure.Protocol;

    private static ErrorCode CodeOf(OriginFailure failure) => failure switch
    {
        OriginFailure.NotFound => ErrorCode.NotFound,
        OriginFailure.AccessDenied => ErrorCode.AccessDenied,
        OriginFailure.Changed => ErrorCode.SourceChanged,
        OriginFailure.Rejected => ErrorCode.OriginRejected,
        _ => ErrorCode.OriginUnreachable,
    };
}
