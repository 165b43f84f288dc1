namespace DatasetCache.Origins;

/// <summary>A response whose head was found right.</summary>
internal sealed class S3Body(HttpResponseMessage response, Stream stream, S3Failure failure, string key, long expected) : OriginBody
{
    private long read;

    public override int? HttpStatus => (int)response.StatusCode;

    public override string? RequestId { get; } = S3Error.RequestIdOf(response);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            var count = await stream.ReadAsync(buffer, cancellationToken);
            read += count;
            return count;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw failure.Broken(key, read, expected, (int)response.StatusCode, RequestId, e);
        }
    }

    public override ValueTask DisposeAsync()
    {
        // Closes the connection where the body was not read to its end.
        response.Dispose();
        return ValueTask.CompletedTask;
    }
}
