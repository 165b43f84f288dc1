namespace DatasetCache.Grains;

/// <summary>A node could not do what it was asked to; <see cref="Failure"/> says why, and what to do.</summary>
[GenerateSerializer, Alias("dscache.nodeFailed")]
public sealed class NodeFailedException(FailureMessage failure) : Exception(failure?.Message)
{
    [Id(0)]
    public FailureMessage Failure { get; } = failure!;
}
