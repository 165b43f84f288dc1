using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using DatasetCache.FaultTable;
using DatasetCache.Testing.Faults;

// fault-table RESULTS DOCUMENT COMMAND [WHY]
//   RESULTS   a folder with the test programs' reports (*.xml), what the cases wrote down (faults.jsonl) and the soak's last lines (soak.txt, if it ran)
//   DOCUMENT  docs/faults.md: what stands between its two marks is written anew
//   COMMAND   by which all this came about
//   WHY       why a case may have no test at all: the other half of the solution does not build here
// Prints the table. The exit code is 1 if a case failed.
const string Begin = "<!-- written by ./test.sh faults: from here", End = "<!-- to here -->";
if (args.Length is not (3 or 4))
{
    Console.Error.WriteLine("usage: fault-table RESULTS DOCUMENT COMMAND [WHY]");
    return 64;
}
var (results, document, command) = (args[0], args[1], args[2]);
var runs = TestRun.ReadAll(results);
var recorded = Path.Join(results, "faults.jsonl");
FaultRecord[] records = File.Exists(recorded) ? [.. File.ReadLines(recorded).Select(line => JsonSerializer.Deserialize<FaultRecord>(line)!)] : [];
CaseRow[] rows = [.. Enumerable.Range(1, FaultNames.Count).Select(number => CaseRow.Of(number, [.. runs.Where(run => run.Faults.Contains(number))], [.. records.Where(record => record.Case == number)], args.ElementAtOrDefault(3)))];
string[] heads = ["#", "fault", "tests passed", "struck", "checked", "worst", "result"];

IReadOnlyList<string>[] lines = [heads, .. rows.Select(row => row.Cells)];
var widths = heads.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
foreach (var line in lines)
    Console.WriteLine(string.Join("  ", line.Select((cell, column) => column == heads.Length - 1 ? cell : cell.PadRight(widths[column]))));

var soak = Path.Join(results, "soak.txt");
var text = new StringBuilder();
text.AppendLine(CultureInfo.InvariantCulture, $"`{command}` on commit {Say("git", "rev-parse", "--short", "HEAD")}{(Say("git", "status", "--porcelain", "--untracked-files=no").Length > 0 ? " with changes" : "")}, {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, Linux {Environment.OSVersion.Version}.");
text.AppendLine().AppendLine("| " + string.Join(" | ", heads) + " |").AppendLine("|" + string.Concat(heads.Select(_ => "---|")));
foreach (var row in rows)
    text.AppendLine("| " + string.Join(" | ", row.Cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))) + " |");
if (File.Exists(soak))
    text.AppendLine().AppendLine("The soak:").AppendLine().AppendLine("```").AppendLine(File.ReadAllText(soak).Trim()).AppendLine("```");
var seeds = records.Where(record => record.Seed is not null).Select(record => $"case {record.Case}: `{record.Seed}`").Distinct(StringComparer.Ordinal).ToArray();
if (seeds.Length > 0)
    text.AppendLine().AppendLine("Seeds: " + string.Join("; ", seeds) + ".");
Rewrite(document, text.ToString());
return rows.Any(row => row.IsFailed) ? 1 : 0;

static void Rewrite(string path, string table)
{
    var old = File.ReadAllText(path);
    var (from, to) = (old.IndexOf(Begin, StringComparison.Ordinal), old.IndexOf(End, StringComparison.Ordinal));
    if (from < 0 || to < from)
        throw new InvalidOperationException($"{path} lacks the lines '{Begin} …' and '{End}'.");
    from = old.IndexOf('\n', from) + 1;
    File.WriteAllText(path, old[..from] + "\n" + table + "\n" + old[to..]);
}

static string Say(string program, params string[] arguments)
{
    try
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var said = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return said;
    }
    catch (System.ComponentModel.Win32Exception)
    {
        return "";
    }
}
