using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Http.Peers;
using DatasetCache.Memory;

namespace DatasetCache.Http.Api;

/// <summary>How a node's local HTTP API is served.</summary>
internal sealed record ApiOptions
{
    /// <summary>What a process of this host presents.</summary>
    public required NodeToken Token { get; init; }

    /// <summary>Who else may come, and from where. Default: nobody.</summary>
    public AccessOptions Access { get; init; } = new();

    /// <summary>The S3 endpoint that this node reads from; null for AWS or a folder. A caller who is set to another one is told so.</summary>
    public string? OriginEndpoint { get; init; }

    /// <summary>
    /// Folders, absolute, that this node reads datasets from for whoever asks (<see cref="ServedFolders"/>). Default: none.
    /// </summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>The limits of this node's transfers with others; null for a node that has none.</summary>
    public TransferCaps? Caps { get; init; }

    /// <summary>How much of the files that are read over HTTP is kept in memory.</summary>
    public MemoryTierOptions Memory { get; init; } = new();

    /// <summary>How long one request waits at most for an acquire to end. Default: 20 s.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Default: the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How often a stream of progress says something. Default: 0.25 s.</summary>
    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromMilliseconds(250);
}
