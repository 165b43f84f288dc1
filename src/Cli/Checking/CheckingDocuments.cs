using System.Text.Json;
using DatasetCache.Integrity;

namespace DatasetCache.Cli.Checking;

/// <summary>What <c>verify --json</c> prints.</summary>
/// <param name="Broken">Entries that are broken and were not healed.</param>
internal sealed record VerifyDocument(string Level, IReadOnlyList<CheckedEntryDocument> Entries, long Files, long BytesRead, int Sound, int Healed, int Broken)
{
    public static VerifyDocument Of(VerifyLevel level, IReadOnlyList<VerifyResult> results) => new(
        CheckedEntryDocument.Camel(level), [.. results.Select(CheckedEntryDocument.Of)], results.Sum(result => result.Found.Files), results.Sum(result => result.Found.Bytes),
        results.Count(result => result.Outcome == VerifyOutcome.Sound), results.Count(result => result.Outcome == VerifyOutcome.Healed), results.Count(result => !result.IsUsable));
}

/// <summary>One entry: <c>outcome</c> is sound, healed, withdrawn or quarantined.</summary>
internal sealed record CheckedEntryDocument(
    string CacheKey, string Outcome, string? EntryFault, IReadOnlyList<FaultDocument> Faults, int Resealed, long Files, long BytesRead, long BytesFromOrigin, string? Why)
{
    public static CheckedEntryDocument Of(VerifyResult result) => new(
        result.CacheKey, Camel(result.Outcome), result.Found.EntryFault, [.. result.Found.Faults.Select(fault => new FaultDocument(fault.Path, Camel(fault.Kind), fault.Pieces, fault.Words))],
        result.Found.Resealed, result.Found.Files, result.Found.Bytes, result.BytesFromOrigin, result.Why);

    public static string Camel<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}

/// <summary>As <see cref="FileFault"/>.</summary>
internal sealed record FaultDocument(string Path, string Kind, IReadOnlyList<int> Pieces, string Words);

/// <summary>What <c>scrub --json</c> prints, and <c>scrub --watch --json</c> a line of for every round that did something.</summary>
internal sealed record ScrubDocument(
    long Entries, long Files, long BytesRead, IReadOnlyList<CheckedEntryDocument> Broken, long Cycle, DateTimeOffset CycleStarted, DateTimeOffset CycleEnds, double Passed, bool CycleOver,
    long Found, long Unhealed, string? Position)
{
    public static ScrubDocument Of(ScrubReport report) => new(
        report.Entries, report.Files, report.BytesRead, [.. report.Broken.Select(CheckedEntryDocument.Of)], report.Cycle, report.CycleStarted, report.CycleEnds, Math.Round(report.Passed, 6),
        report.IsCycleOver, report.Found, report.Unhealed, report.Position);
}
