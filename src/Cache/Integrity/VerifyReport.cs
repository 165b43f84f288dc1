namespace DatasetCache.Integrity;

/// <summary>What verifying one entry came to.</summary>
/// <param name="Files">Files that were looked at.</param>
/// <param name="Bytes">Bytes that were read and compared.</param>
/// <param name="Faults">What is wrong, a fault per file; empty where all is well.</param>
/// <param name="EntryFault">What is wrong with the entry's own small files, so that its data could not be judged; null where they are whole.</param>
public sealed record VerifyReport(string CacheKey, long Files, long Bytes, IReadOnlyList<FileFault> Faults, string? EntryFault = null)
{
    public bool IsSound => Faults.Count == 0 && EntryFault is null;

    /// <summary>All that is wrong, a line each.</summary>
    public IEnumerable<string> Lines => EntryFault is null ? Faults.Select(fault => fault.ToString()) : [EntryFault];
}
