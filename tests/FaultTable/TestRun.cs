using System.Globalization;
using System.Xml.Linq;

namespace DatasetCache.FaultTable;

/// <summary>A test as xunit's XML report tells of it.</summary>
internal sealed record TestRun(string Name, string Result, double Seconds, string? Reason, IReadOnlyList<int> Faults)
{
    public bool Passed => Result is "Pass";

    public bool Failed => Result is "Fail";

    /// <summary>All tests of cases in the reports of a folder.</summary>
    public static IReadOnlyList<TestRun> ReadAll(string folder) => [.. Directory.EnumerateFiles(folder, "*.xml").Order(StringComparer.Ordinal)
        .SelectMany(path => XDocument.Load(path).Descendants("test")).Select(Of).Where(run => run.Faults.Count > 0)];

    private static TestRun Of(XElement test) => new(
        (string)test.Attribute("name")!,
        (string)test.Attribute("result")!,
        double.Parse((string)test.Attribute("time")!, CultureInfo.InvariantCulture),
        test.Element("reason")?.Value,
        [.. test.Descendants("trait").Where(trait => (string?)trait.Attribute("name") is "Fault").Select(trait => int.Parse((string)trait.Attribute("value")!, CultureInfo.InvariantCulture)).Distinct()]);
}
