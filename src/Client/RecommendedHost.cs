namespace DatasetCache.Client;

/// <summary>A host, and how much of what a job wants is there already.</summary>
/// <param name="Node">The node's id, which is its host's name unless <c>node.id</c> is set.</param>
/// <param name="Bytes">Of all datasets that were named, as their origins count them.</param>
/// <param name="PerDataset">Of each, in the order of the call; 0 for one that is not there.</param>
public sealed record RecommendedHost(string Node, long Bytes, IReadOnlyList<long> PerDataset);
