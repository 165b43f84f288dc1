using DatasetCache.Hosting.Node;

namespace DatasetCache.Grains;

/// <summary>Whom this silo obeys, and what it reads for them.</summary>
internal sealed record GrainAccess
{
    /// <summary>What nodes of this cluster sign their calls with.</summary>
    public required CallSecret Secret { get; init; }

    /// <summary>What clients of this host show.</summary>
    public required NodeToken Token { get; init; }

    /// <summary>Folders that this node reads datasets from for others. Default: none.</summary>
    public IReadOnlyList<string> Folders { get; init; } = [];
}
