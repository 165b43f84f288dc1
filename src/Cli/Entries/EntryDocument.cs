using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Entries;

/// <summary>An entry as <c>ls --json</c> and <c>inspect --json</c> print it.</summary>
internal sealed record EntryDocument(
    string CacheKey,
    string Origin,
    string? DatasetPrefix,
    string? SnapshotId,
    string? VersionHash,
    string Selection,
    long Files,
    long Bytes,
    DateTimeOffset PublishedAt,
    DateTimeOffset LastUsedAt,
    long Uses,
    IReadOnlyList<HolderDocument> Holders)
{
    public static EntryDocument Of(EntrySummary entry) => new(
        entry.CacheKey, entry.Origin, entry.DatasetPrefix, entry.SnapshotId, entry.VersionHash, entry.Selection, entry.Files, entry.Bytes, entry.PublishedAt,
        entry.LastUsedAt, entry.Uses, [.. entry.Holders.Select(HolderDocument.Of)]);

    /// <summary>For the table: the jobs' names, or their directories where they have none.</summary>
    public string HeldBy => Holders.Count == 0 ? "-" : string.Join(", ", Holders.Select(holder => holder.Name).Distinct(StringComparer.Ordinal));

    /// <summary>What a person would call the dataset.</summary>
    public string Dataset => DatasetPrefix is { Length: > 0 } prefix ? $"{Origin.TrimEnd('/')}/{prefix.Trim('/')}" : Origin;
}

internal sealed record HolderDocument(string? JobDirectory, string? JobId, DateTimeOffset? Since)
{
    public static HolderDocument Of(EntryHolder holder) => new(holder.JobDirectory, holder.JobId, holder.Since);

    public string Name => JobId is not null ? "job " + JobId : JobDirectory ?? "a running process";

    public override string ToString() => (JobId is null ? "" : $"job {JobId}, ")
        + (JobDirectory is null ? "a running process" : $"link in {JobDirectory}")
        + (Since is { } since ? $", since {Display.Time(since)}" : "");
}

internal sealed record EntryListDocument(IReadOnlyList<EntryDocument> Entries, long Bytes);
