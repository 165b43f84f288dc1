using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using DatasetCache.Datasets;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Metrics;

/// <summary>What deploy/ has for whoever watches nodes: it speaks of metrics that there are.</summary>
public sealed partial class WatchingTests
{
    private static readonly string Dashboard = Repository.File("deploy/grafana/datasetcache.json");
    private static readonly string Alerts = Repository.File("deploy/prometheus/alerts.yml");

    [Theory(Timeout = 60_000)]
    [InlineData("dashboard", 30)]
    [InlineData("alerts", 8)]
    public async Task Every_metric_that_is_named_is_one_that_a_node_has(string where, int least)
    {
        using var folder = new TempFolder();
        var origin = new MemoryOrigin();
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        await using var node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin);
        using var client = node.Client();
        using var asked = await client.GetAsync("/v1/status");
        await (await node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_1" } })).DisposeAsync();
        // The quota and the disk are there after the first look.
        while ((await client.GetAsync("/health/startup")).StatusCode != System.Net.HttpStatusCode.OK)
            await Task.Delay(50);

        var there = (await Scrape.OfAsync(client)).Families.ToHashSet(StringComparer.Ordinal);
        var named = where == "dashboard" ? Expressions() : [await File.ReadAllTextAsync(Alerts)];
        var names = named.SelectMany(text => Name().Matches(text).Select(match => match.Value)).Select(name => Part().Replace(name, "")).Distinct(StringComparer.Ordinal).ToArray();
        Assert.Empty(names.Except(there, StringComparer.Ordinal));
        Assert.True(names.Length >= least, $"{names.Length} names were found.");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("check", "alerts.yml")]
    [InlineData("test", "alerts_test.yml")]
    public async Task Promtool_accepts_the_rules_and_what_they_are_to_do(string verb, string file)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/promtool"), "promtool (Debian's prometheus) is not installed");
        using var promtool = Process.Start(new ProcessStartInfo("/usr/bin/promtool", [verb, "rules", file])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = Path.GetDirectoryName(Alerts),
        })!;
        var said = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        Assert.True(promtool.ExitCode == 0, said);
    }

    // "expr" of every panel.
    private static string[] Expressions()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Dashboard));
        return [.. document.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("expr").GetString()!))];
    }

    [GeneratedRegex(@"\b(dataset|process|http_server)_[a-z_]+\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Name();

    [GeneratedRegex("_(bucket|sum|count)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Part();
}
