namespace DatasetCache.Moving;

/// <summary>What an export wrote.</summary>
/// <param name="ArchiveBytes">Bytes of the archive, headers included.</param>
public sealed record ExportReport(IReadOnlyList<ExportedEntry> Entries, long ArchiveBytes);

/// <summary>One entry of it.</summary>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="SharedBytes">Those of them that an entry before it has brought into the archive already.</param>
public sealed record ExportedEntry(string CacheKey, long Files, long Bytes, long SharedBytes);

/// <summary>What an import read: every entry of the archive, in its order.</summary>
/// <param name="ArchiveBytes">Bytes of the archive, headers included.</param>
public sealed record ImportReport(IReadOnlyList<ImportedEntry> Entries, long ArchiveBytes);

/// <summary>One entry of it, which is ready.</summary>
/// <param name="WasThere">The cache had it already, and nothing was done.</param>
/// <param name="LinkedBytes">Bytes that were linked or copied from other entries of this host.</param>
public sealed record ImportedEntry(string CacheKey, bool WasThere, long Files, long Bytes, long LinkedBytes);

/// <summary>How much of an archive is believed to be meant.</summary>
public sealed record ImportLimits
{
    /// <summary>Members of the archive: two for each entry, one for each file. Default: 10,000,000.</summary>
    public long MaxEntries { get; init; } = 10_000_000;

    /// <summary>Bytes in all files of the archive. Default: null, the cache's quota.</summary>
    public long? MaxBytes { get; init; }
}
