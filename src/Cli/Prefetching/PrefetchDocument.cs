using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Prefetching;

/// <summary>What became of one dataset: <c>hit</c> (it was there), <c>miss</c> (it was fetched), <c>failed</c> or <c>skipped</c>.</summary>
internal sealed record PrefetchedDocument(
    string Source, int? Line, string Outcome, string? CacheKey, string? Path, long Files, long Bytes, long BytesFromOrigin, long ReusedBytes, long SharedBytes, double Seconds,
    VersionChanges? Changes, DateTimeOffset? StaleSince, ErrorReport? Error)
{
    public static PrefetchedDocument Skipped(string source, int? line) => new(source, line, "skipped", null, null, 0, 0, 0, 0, 0, 0, null, null, null);

    public static PrefetchedDocument Failed(string source, int? line, ErrorReport error) => Skipped(source, line) with { Outcome = "failed", Error = error };

    public static PrefetchedDocument Of(string source, int? line, DatasetLease lease) => new(
        source, line, lease.Outcome == AcquireOutcome.Hit ? "hit" : "miss", lease.CacheKey, lease.SnapshotPath, lease.Files, lease.Bytes, lease.BytesFromOrigin, lease.ReusedBytes, lease.SharedBytes,
        Math.Round(lease.Elapsed.TotalSeconds, 4), lease.Changes, lease.StaleSince, null);
}

/// <summary>What <c>prefetch --json</c> prints: the datasets in the order in which they were named, and how many there were of each outcome.</summary>
internal sealed record PrefetchDocument(
    IReadOnlyList<PrefetchedDocument> Datasets, int Hits, int Misses, int Failed, int Skipped, long Bytes, long BytesFromOrigin, double Seconds)
{
    public static PrefetchDocument Of(IReadOnlyList<PrefetchedDocument> datasets, TimeSpan elapsed)
    {
        return new PrefetchDocument(
            datasets, Count("hit"), Count("miss"), Count("failed"), Count("skipped"), datasets.Sum(one => one.Bytes), datasets.Sum(one => one.BytesFromOrigin),
            Math.Round(elapsed.TotalSeconds, 4));

        int Count(string outcome) => datasets.Count(one => string.Equals(one.Outcome, outcome, StringComparison.Ordinal));
    }

    public void Write(bool json, bool quiet)
    {
        if (json)
        {
            Stdio.Print(JsonText.Pretty(this, JsonOutput.Default.PrefetchDocument));
            return;
        }
        var table = new TextTable("OUTCOME", "KEY", "SIZE", "FROM ORIGIN", "SECONDS", "SOURCE") { RightAligned = [2, 3, 4] };
        foreach (var one in Datasets)
        {
            table.Add(one.Outcome, one.CacheKey ?? "-", one.CacheKey is null ? "-" : Display.Size(one.Bytes), Display.Size(one.BytesFromOrigin),
                one.Seconds.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture), one.Source);
        }
        if (Datasets.Count > 0)
            table.Write(Stdio.Out);
        foreach (var one in Datasets)
        {
            var name = one.Line is { } line ? $"line {line}, {one.Source}" : one.Source;
            if (one.Error is { } error)
                (error with { Message = $"{name}: {error.Message}" }).Write(json: false);
            if (one.StaleSince is { } since)
                Stdio.Note($"dscache: warning: {name}: the origin cannot be reached; this is what the dataset was at {Display.Time(since)} (--max-stale says how old it may be).");
        }
        if (!quiet)
        {
            Stdio.Note($"dscache: {Display.Count(Misses)} fetched, {Display.Count(Hits)} there already, {Display.Count(Failed)} failed{(Skipped == 0 ? "" : $", {Display.Count(Skipped)} skipped")}: "
                + $"{Display.Size(Bytes)}, {Display.Size(BytesFromOrigin)} of it from the origin, in {Display.Seconds(TimeSpan.FromSeconds(Seconds))}.");
        }
    }
}
