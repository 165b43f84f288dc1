using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Entries;

/// <summary>An entry as <c>ls --json</c> and <c>inspect --json</c> print it. Sizes are bytes.</summary>
internal sealed record EntryDocument(
    string CacheKey,
    string Path,
    string Origin,
    string DatasetPrefix,
    string? DatasetId,
    string? SnapshotId,
    string? VersionHash,
    string Selection,
    string SelectionReason,
    string ManifestDigest,
    long Files,
    long Bytes,
    long OwnBytes,
    int MissingCount,
    DateTimeOffset PublishedAt,
    DateTimeOffset LastUsedAt,
    long Uses,
    bool IsLeased,
    bool IsPinned,
    DateTimeOffset ExpiresAt,
    long? FreeableBytes,
    IReadOnlyList<HolderDocument> Holders,
    IReadOnlyList<string> ProtectedBy,
    string? Broken,
    string Priority)
{
    public static EntryDocument Of(EntrySummary entry) => new(
        entry.CacheKey, entry.Path, entry.Origin, entry.DatasetPrefix, entry.DatasetId, entry.SnapshotId, entry.VersionHash,
        entry.Selection.ReplaceLineEndings(" "), entry.SelectionReason, entry.ManifestDigest, entry.Files, entry.Bytes, entry.OwnBytes, entry.MissingCount,
        entry.PublishedAt, entry.LastUsedAt, entry.Uses, entry.IsLeased,
        entry.IsPinned, entry.ExpiresAt, entry.FreeableBytes,
        [.. entry.Holders.Select(holder => new HolderDocument(holder.Link, holder.JobId, holder.Since, holder.Until))], [.. entry.Protections.Select(protection => protection.Reason)], entry.Broken, entry.Priority.ToString().ToLowerInvariant());

    /// <summary>What a person would call the dataset.</summary>
    public string Source() => DatasetPrefix.Length == 0 ? Origin : $"{Origin.TrimEnd('/')}/{DatasetPrefix.Trim('/')}";

    /// <summary>For the table: the jobs' names, or their links where they have none.</summary>
    public string HeldBy()
    {
        var holders = Holders.Select(holder => holder.JobId is not null ? "job " + holder.JobId : holder.Until is { } until ? $"until {Display.Time(until)}" : holder.Link).Distinct(StringComparer.Ordinal);
        if (IsLeased)
            holders = holders.Append("a running process");
        if (IsPinned)
            holders = holders.Append("a pin");
        return string.Join(", ", holders) is { Length: > 0 } names ? names : "-";
    }
}

/// <summary>A job's link that protects the entry.</summary>
internal sealed record HolderDocument(string Link, string? JobId, DateTimeOffset Since, DateTimeOffset? Until)
{
    public override string ToString() => Until is { } until ? $"{(JobId is null ? "a hold" : $"job {JobId}")} until {Display.Time(until)}" : $"{(JobId is null ? "" : $"job {JobId}, ")}{Link}, since {Display.Time(Since)}";
}

internal sealed record EntryListDocument(IReadOnlyList<EntryDocument> Entries, long Bytes, long OwnBytes);
