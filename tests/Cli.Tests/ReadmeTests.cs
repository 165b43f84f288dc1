using DatasetCache.Configuration;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests;

/// <summary>The README's tables are written by hand; what they list is what there is.</summary>
public sealed class ReadmeTests
{
    private static readonly string[] Lines = File.ReadAllLines(Repository.File("README.md"));

    [Fact]
    public void Every_setting_stands_in_the_readme_as_it_is()
    {
        foreach (var setting in SettingTable.All.Concat(NodeSettingTable.All))
        {
            var flag = setting.Flag is null ? "" : $"`{setting.Flag}`";
            var variables = string.Join(' ', setting.Variables.Select(variable => $"`{variable}`"));
            Assert.Contains($"| `{setting.Name}` | {flag} | {variables} | {setting.Default} | {setting.Description} |", Lines);
        }
        Assert.Equal(SettingTable.All.Count + NodeSettingTable.All.Count, Lines.SkipWhile(line => !line.StartsWith("| setting |", StringComparison.Ordinal)).Count(line => line.StartsWith("| `", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_exit_code_stands_in_the_readme_as_it_is()
    {
        foreach (var meaning in ExitCode.Table)
        {
            var retry = meaning.Code == ExitCode.Ok ? "" : !meaning.Retry ? "no" : meaning.RetryWhen is null ? "yes" : $"yes, {meaning.RetryWhen}";
            Assert.Contains(Lines, line => line.TrimEnd(' ', '|') == $"| {meaning.Code} | {meaning.Meaning} | {retry}".TrimEnd(' ', '|'));
        }
    }
}
