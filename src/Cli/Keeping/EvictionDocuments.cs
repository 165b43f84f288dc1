using DatasetCache.Cli.Output;
using DatasetCache.Eviction;

namespace DatasetCache.Cli.Keeping;

/// <summary>What became of one entry: <c>evicted</c>, <c>protected</c> or <c>notFound</c>.</summary>
internal sealed record EvictedDocument(string CacheKey, string Outcome, long FreedBytes, IReadOnlyList<string> ProtectedBy)
{
    public static EvictedDocument Of(EvictionResult result) => new(
        result.CacheKey,
        result.Outcome switch { EvictionOutcome.Evicted => "evicted", EvictionOutcome.NotFound => "notFound", _ => "protected" },
        result.FreedBytes, [.. result.Protections.Select(protection => protection.Reason)]);
}

/// <summary>What <c>rm --json</c> and <c>prune --json</c> print. Bytes are what the disk got back.</summary>
internal sealed record PruneDocument(bool DryRun, IReadOnlyList<EvictedDocument> Entries, long FreedBytes, int Orphans)
{
    public void Write(bool json, bool quiet)
    {
        if (json)
        {
            Stdio.Print(JsonText.Pretty(this, JsonOutput.Default.PruneDocument));
            return;
        }
        foreach (var entry in Entries)
        {
            if (entry.Outcome is "protected")
                Stdio.Note($"dscache: {entry.CacheKey} stays: {string.Join("; ", entry.ProtectedBy)}.");
            else if (entry.Outcome is "notFound")
                Stdio.Note($"dscache: there is no entry '{entry.CacheKey}'.");
            else if (!quiet)
                Stdio.Print($"{entry.CacheKey}  {Display.Size(entry.FreedBytes)}");
        }
        if (quiet)
            return;
        Stdio.Note($"dscache: {(DryRun ? "would evict" : "evicted")} {Sum()}.");
    }

    /// <summary>Of a dry run: shows what would go and asks. True too where nothing would.</summary>
    public bool IsConfirmed()
    {
        var going = Entries.Where(entry => entry.Outcome is "evicted").ToArray();
        if (going.Length == 0 && Orphans == 0)
            return true;
        foreach (var entry in going)
            Stdio.Note($"{entry.CacheKey}  {Display.Size(entry.FreedBytes)}");
        return Confirmation.Ask($"Evict {Sum()}?");
    }

    private string Sum()
    {
        var gone = Entries.Count(entry => entry.Outcome is "evicted");
        var orphans = Orphans == 0 ? "" : $" and {Display.Count(Orphans)} {(Orphans == 1 ? "leftover" : "leftovers")}";
        return $"{Display.Count(gone)} {(gone == 1 ? "entry" : "entries")}{orphans}, {Display.Size(FreedBytes)}";
    }
}

/// <summary>What <c>pin --json</c> and <c>unpin --json</c> print.</summary>
internal sealed record PinDocument(IReadOnlyList<string> Pinned, IReadOnlyList<string> Unpinned);

/// <summary>As <see cref="EntryExplanation"/>. Sizes are bytes, times are UTC.</summary>
internal sealed record ExplanationDocument(
    string CacheKey, bool Protected, IReadOnlyList<ProtectionDocument> Protections, DateTimeOffset LastUsedAt, double RecentUses, double TtlSeconds,
    DateTimeOffset ExpiresAt, bool Expired, long FreeableBytes, long ChargedBytes, int Rank, int Entries, long UnprotectedBytesBefore, UsageDocument Space, string Priority);

internal sealed record ProtectionDocument(string Kind, string Reason, DateTimeOffset? Until);

/// <summary>What <c>du --json</c> prints: bytes as the disk allocates them.</summary>
internal sealed record UsageDocument(long Quota, long LowMark, long Used, long Entries, long Reserved, long Quarantined, long DiskFree, long MinFree)
{
    public static UsageDocument Of(SpaceReport space)
        => new(space.Quota, space.LowMark, space.Used, space.Entries, space.Reserved, space.Quarantined, space.DiskFree, space.MinFree);
}

internal sealed record EntryUsageDocument(string CacheKey, long ChargedBytes, long Bytes, bool Protected);

internal sealed record DiskUseDocument(UsageDocument Space, IReadOnlyList<EntryUsageDocument> Entries);
