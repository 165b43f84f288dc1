namespace DatasetCache.Integrity;

/// <summary>What verifying one entry came to.</summary>
/// <param name="Files">Files that were looked at.</param>
/// <param name="Bytes">Bytes that were read and compared.</param>
/// <param name="Faults">What is wrong, a fault per file; empty where all is well.</param>
/// <param name="EntryFault">What is wrong with the entry's own small files, so that its data could not be judged; null where they are whole.</param>
public sealed record VerifyReport(string CacheKey, long Files, long Bytes, IReadOnlyList<FileFault> Faults, string? EntryFault = null)
{
    /// <summary>Files and directories that somebody had made writable and that were sealed again; no fault by itself.</summary>
    public int Resealed { get; init; }

    public bool IsSound => Faults.Count == 0 && EntryFault is null;

    /// <summary>All that is wrong, a line each.</summary>
    public IEnumerable<string> Lines => EntryFault is null ? Faults.Select(fault => fault.ToString()) : [EntryFault];
}

/// <summary>How far a look at an entry's data is. Bytes that need not be read count too.</summary>
public sealed record VerifyProgress(string CacheKey, long BytesDone, long BytesTotal);
