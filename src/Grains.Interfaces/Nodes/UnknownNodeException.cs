namespace DatasetCache.Grains;

/// <summary>No node of that id is in the cluster now.</summary>
[GenerateSerializer, Alias("dscache.unknownNode")]
public sealed class UnknownNodeException(string node, string message) : Exception(message)
{
    [Id(0)]
    public string Node { get; } = node;
}
