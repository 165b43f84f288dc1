namespace DatasetCache;

/// <summary>What the node of this host could not do for a caller, in the words that the same failure has without a node.</summary>
public sealed class NodeException(ErrorCode code, string message, string? advice, bool isWorthRetrying, Exception? inner = null)
    : DatasetCacheException(code, message, advice, inner)
{
    /// <inheritdoc />
    public override bool IsWorthRetrying => isWorthRetrying;
}
