using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace DatasetCache.Origins;

/// <summary>A listing under way, page by page. The SDK retries.</summary>
internal sealed class S3Listing(S3Connection connection, string bucket, string prefix, S3Failure failure)
{
    private string? continuation;

    public bool IsComplete { get; private set; }

    public async Task<List<OriginObject>> NextAsync(CancellationToken cancellationToken)
    {
        ListObjectsV2Response page;
        try
        {
            page = await connection.Client.ListObjectsV2Async(new ListObjectsV2Request
            {
                BucketName = bucket,
                Prefix = prefix,
                ContinuationToken = continuation,
                // XML cannot carry every character that a key may have.
                Encoding = EncodingType.Url,
            }, cancellationToken);
        }
        catch (AmazonServiceException e) when (e.StatusCode != default)
        {
            throw failure.Refused("Listing", prefix, ErrorOf(e), (await connection.BaseUrlAsync()).Authority);
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException or HttpRequestException or WebException or IOException
            or OperationCanceledException or TimeoutException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw failure.Unreachable("Listing", prefix, await connection.BaseUrlAsync(), e);
        }
        continuation = page.NextContinuationToken;
        IsComplete = page.IsTruncated != true || string.IsNullOrEmpty(continuation);
        // Null, not empty, where there is nothing.
        // The SDK asks for the encoding but does not undo it; a store that does not know the parameter does not echo it either.
        var isEncoded = string.Equals(page.Encoding?.Value, EncodingType.Url.Value, StringComparison.Ordinal);
        return [.. (page.S3Objects ?? []).Select(found =>
            new OriginObject(isEncoded ? WebUtility.UrlDecode(found.Key) : found.Key, found.Size ?? 0, found.ETag?.Trim('"') ?? ""))];
    }

    private static S3Error ErrorOf(AmazonServiceException e) =>
        new((int)e.StatusCode, e.ErrorCode, e.Message, S3Error.AsRequestId(e.RequestId),
            S3Error.RegionIn((e as AmazonS3Exception)?.ResponseBody), RetryAfter: null, ServerTime: null);
}
