using DatasetCache.Origins;

namespace DatasetCache.Hosting.Node;

/// <summary>Which folders a node reads for whoever asks. It may read more than the caller may: any other folder the caller reads himself.</summary>
internal static class ServedFolders
{
    /// <summary>Those of a node with this default origin: the origin, where it is a folder.</summary>
    public static IReadOnlyList<string> Of(string? defaultOrigin)
        => defaultOrigin is not null && OriginAddress.Parse(defaultOrigin) is { Kind: OriginKind.Folder, Bucket: var folder } ? [folder] : [];

    /// <summary>Whether an origin is a folder that is not among the node's.</summary>
    /// <param name="origin">Null for the node's own.</param>
    /// <exception cref="InvalidRequestException">It is no origin.</exception>
    public static bool IsForeign(string? origin, IReadOnlyList<string> folders)
    {
        // Taken apart as the engine does it, so that what is checked is what is read.
        if (origin is null || OriginAddress.Parse(origin) is not { Kind: OriginKind.Folder, Bucket: var folder })
            return false;
        return !folders.Select(Path.TrimEndingDirectorySeparator)
            .Any(allowed => folder.StartsWith(allowed, StringComparison.Ordinal) && (folder.Length == allowed.Length || folder[allowed.Length] == '/'));
    }
}
