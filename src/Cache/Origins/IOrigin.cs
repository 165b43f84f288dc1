namespace DatasetCache.Origins;

/// <summary>Where bytes come from: a bucket, or a folder. Stateless for its callers, safe for any number of them at once.</summary>
public interface IOrigin : IDisposable
{
    /// <summary>
    /// The origin's canonical name without credentials, equal on every host: <c>s3:https://endpoint/bucket</c>, <c>s3:aws/bucket</c>,
    /// <c>folder:/absolute/path</c>. Part of a dataset's identity. Reading it does no I/O and loads no SDK: a warm hit needs it.
    /// </summary>
    string Identity { get; }

    /// <summary>
    /// Every object whose key starts with <paramref name="prefix"/> (a whole number of path segments, ending in '/', or empty), in no
    /// promised order, zero-byte <c>dir/</c> markers included. Retries by itself.
    /// </summary>
    /// <exception cref="OriginException">The listing failed after all retries.</exception>
    IAsyncEnumerable<OriginObject> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>
    /// Opens bytes [offset, offset + length) of exactly the version that was listed. One attempt: the transfer above retries, from where
    /// it stood. Returns when the headers have arrived and were checked (status, Content-Range, ETag).
    /// </summary>
    /// <exception cref="OriginException">The request failed; <see cref="OriginException.IsTransient"/> says whether to repeat it.</exception>
    ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken);
}

/// <summary>One object as listed. <paramref name="Key"/> is the full key within the origin; <paramref name="ETag"/> is without quotes.</summary>
public sealed record OriginObject(string Key, long Size, string ETag);

/// <summary>An open response.</summary>
public abstract class OriginBody : IAsyncDisposable
{
    /// <summary>Names this response in errors: HTTP status and request id, where there are any.</summary>
    public virtual int? HttpStatus => null;

    public virtual string? RequestId => null;

    /// <summary>
    /// Reads the next bytes into <paramref name="buffer"/>; 0 at the end of the body. It is the caller's work to notice that the end came
    /// too early or not at all.
    /// </summary>
    /// <exception cref="OriginException">The connection broke.</exception>
    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();
}
