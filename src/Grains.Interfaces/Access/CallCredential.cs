namespace DatasetCache.Grains;

/// <summary>
/// What a call of a node's grains carries in Orleans' RequestContext: of a client on the node's host the node's token, which stands in a file that only its users can read;
/// of another node something that it signed with the cluster's secret. A call without is refused.
/// </summary>
public static class CallCredential
{
    /// <summary>The name in the RequestContext.</summary>
    public const string Key = "dscache.credential";

    internal const string OfClient = "token ";
    internal const string OfNode = "node ";

    /// <summary>The value for a client that has read the node's token.</summary>
    /// <param name="token">What stands in <c>node.token</c> of the node's cache root.</param>
    public static string Of(string token) => OfClient + token;
}
