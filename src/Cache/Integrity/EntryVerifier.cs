using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// Looks for what is broken in an entry. Sizes alone prove nothing (a hole has the right size), so all but the fast level read the data. It takes no
/// lease: an entry that is evicted meanwhile is no broken one, which is looked at before anything is said.
/// </summary>
internal sealed class EntryVerifier(CacheRoot root, EntryStore entries)
{
    /// <returns>Null where the entry went away.</returns>
    public async Task<VerifyReport?> CheckAsync(string cacheKey, VerifyLevel level, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken)
    {
        if (entries.DirectoryOf(cacheKey) is not { } judged)
            return null;
        using var entry = EntryUnderCheck.Open(root, cacheKey, judged, out var torn);
        if (entry is null)
            return torn is not null && IsStill(judged) ? new VerifyReport(cacheKey, 0, 0, [], torn) : null;
        var done = 0L;
        var structure = entry.CheckTree(cancellationToken);
        List<FileFault> faults = [.. structure.Faults.Select(found => found.Fault)];
        var bytes = 0L;
        if (level != VerifyLevel.Fast)
        {
            using var reader = new MediumReader(root.Files);
            var total = entry.Lines.Sum(line => line.File.Size);
            var content = entry.Contents(reader, level, shared: null, pacer: null, progress is null ? null : read => progress.Report(new VerifyProgress(cacheKey, Interlocked.Add(ref done, read), total)));
            var bad = structure.Faults.Select(found => found.File).ToHashSet();
            faults.AddRange((await content.RunAsync(Enumerable.Range(0, entry.Lines.Count).Where(file => !bad.Contains(file)), entry.Lines.Count > 1 ? int.MaxValue : 2, cancellationToken)).Select(found => found.Fault));
            bytes = content.Bytes;
            entry.WriteDigests();
            if (level == VerifyLevel.Full)
                faults.AddRange(entry.JudgeDigests(new OriginDigests(root)).Where(wrong => !faults.Exists(fault => string.Equals(fault.Path, wrong.Path, StringComparison.Ordinal))));
        }
        // What was taken away from under us is missing for that reason, and what was healed meanwhile is whole.
        if (faults.Count > 0)
            faults = [.. entry.Confirm(faults)];
        if (!IsStill(judged) || !entry.IsNamed())
            return null;
        return new VerifyReport(cacheKey, entry.Lines.Count, bytes, faults) { Resealed = structure.Resealed };

        bool IsStill(FileStatus was) => entries.DirectoryOf(cacheKey) is { } now && now.IsSameFile(was);
    }
}
