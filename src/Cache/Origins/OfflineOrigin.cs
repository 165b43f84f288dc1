namespace DatasetCache.Origins;

/// <summary>An origin that must not be asked: it has its name, and every question is the error.</summary>
internal sealed class OfflineOrigin(IOrigin origin, Func<OfflineException> refusal) : IOrigin
{
    public string Identity => origin.Identity;

    public IAsyncEnumerable<OriginObject> ListAsync(string prefix, CancellationToken cancellationToken) => throw refusal();

    public ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken) => throw refusal();

    public void Dispose()
    {
    }
}
