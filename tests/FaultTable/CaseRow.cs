using System.Globalization;
using DatasetCache.Testing.Faults;

namespace DatasetCache.FaultTable;

/// <summary>A line of the table.</summary>
/// <param name="Number">Of the case.</param>
/// <param name="Tests">Those that passed of those that ran, with the skipped.</param>
/// <param name="Fired">How often the fault struck, in the tests that are the case; with how many these are.</param>
/// <param name="Invariants">Which were checked.</param>
/// <param name="Worst">The worst loss or gap, by unit.</param>
/// <param name="Result"><c>passed</c>, <c>FAILED</c> or <c>skipped</c>, with the reason.</param>
internal sealed record CaseRow(int Number, string Tests, string Fired, string Invariants, string Worst, string Result)
{
    public bool IsFailed => Result.StartsWith("FAILED", StringComparison.Ordinal);

    public IReadOnlyList<string> Cells => [$"{Number:00}", FaultNames.Of(Number), Tests, Fired, Invariants, Worst, Result];

    /// <param name="number">The case.</param>
    /// <param name="runs">Its tests.</param>
    /// <param name="records">What those of them wrote down that are the case.</param>
    /// <param name="missing">Why a case may have no test here at all; null where each must have one.</param>
    public static CaseRow Of(int number, IReadOnlyList<TestRun> runs, IReadOnlyList<FaultRecord> records, string? missing)
    {
        var (passed, failed, skipped) = (runs.Count(run => run.Passed), runs.Count(run => run.Failed), runs.Count(run => !run.Passed && !run.Failed));
        var invariants = records.SelectMany(record => record.Invariants).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        // A record is only written by a case whose fault struck.
        if (records.Count > 0)
            invariants.Add("I6");
        var worst = records.SelectMany(record => record.Worst).GroupBy(one => one.Key, StringComparer.Ordinal).OrderBy(unit => unit.Key, StringComparer.Ordinal)
            .Select(unit => Say(unit.Max(one => one.Value), unit.Key));
        var why = runs.FirstOrDefault(run => run.Reason is not null)?.Reason;
        var result = failed > 0 ? "FAILED: " + Short(runs.First(run => run.Failed).Name)
            : records.Count > 0 ? "passed"
            : skipped > 0 ? "skipped: " + why
            : runs.Count == 0 && missing is not null ? "skipped: " + missing
            : "FAILED: no test was the case";
        return new CaseRow(number, skipped > 0 ? $"{passed} of {passed + failed}, {skipped} skipped" : $"{passed} of {passed + failed}",
            string.Create(CultureInfo.InvariantCulture, $"{records.Sum(record => record.Fired)}"), string.Join(' ', invariants), string.Join(", ", worst), result);
    }

    private static string Say(double value, string unit) => unit.StartsWith("s ", StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"{value:0.0} {unit}")
        : string.Create(CultureInfo.InvariantCulture, $"{value:#,##0.##} {unit}");

    private static string Short(string name) => name.Length > 120 ? name[..120] + "…" : name;
}
