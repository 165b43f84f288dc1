using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Keeping;

public sealed class StatisticsCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private async Task<JsonElement> StatsAsync(params string[] more) => JsonDocument.Parse((await dscache.RunAsync(["stats", "--json", .. more])).Out).RootElement;

    [Fact]
    public async Task Every_front_door_counts_and_stats_adds_up()
    {
        var source = dscache.MakeFolder();
        await dscache.GetAsync(source, "-q");
        await dscache.RunAsync("run", source, "-q", "--", "true");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => dscache.RunAsync("run", source, "-q", "--", "true")));
        await dscache.RunAsync("release", dscache.JobDirectory);
        await dscache.RunAsync("clear", "-y", "-q");

        var stats = await StatsAsync("--days", "2");
        var total = stats.GetProperty("total");
        Assert.Equal(
            [9, 1, 0, 90, 9, 81, 1, 8192],
            new[] { "hits", "misses", "failures", "bytesServed", "bytesFromOrigin", "bytesSaved", "evictions", "bytesEvicted" }.Select(name => total.GetProperty(name).GetInt64()));
        Assert.Equal(0.9, total.GetProperty("hitRate").GetDouble());
        Assert.Equal(9, Assert.Single(stats.GetProperty("entries").EnumerateArray()).GetProperty("tally").GetProperty("hits").GetInt64());

        var text = await dscache.RunAsync("stats");
        Assert.Matches(@"^DAY \(UTC\) +HITS +MISSES +HIT RATE .*\n\d{4}-\d\d-\d\d +9 +1 +90% +90 B +9 B +81 B +0 +1 +8.2 kB\n\nKEY .*\nphotos_\w+ +9 +1 +90 B +81 B\n$", text.Out);
    }

    [Fact]
    public async Task Nothing_is_counted_where_nothing_happened()
    {
        Assert.Empty((await StatsAsync()).GetProperty("days").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, (await StatsAsync()).GetProperty("total").GetProperty("hitRate").ValueKind);
        var text = await dscache.RunAsync("stats");
        Assert.Equal((0, ""), (text.ExitCode, text.Out));
        Assert.Contains("nothing happened", text.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--since", "yesterday")]
    [InlineData("--days", "0")]
    [InlineData("--days", "3", "--since", "2026-01-01")]
    [InlineData("--top", "-1")]
    public async Task Days_that_are_none_are_refused(params string[] arguments)
        => Assert.Equal(ExitCode.Usage, (await dscache.RunAsync(["stats", .. arguments])).ExitCode);

    [Fact]
    public async Task Since_begins_with_the_day_that_it_names()
    {
        await dscache.GetAsync(dscache.MakeFolder(), "-q");
        var today = (await StatsAsync()).GetProperty("days")[0].GetProperty("day").GetString()!;
        Assert.Single((await StatsAsync("--since", today)).GetProperty("days").EnumerateArray());
        File.Move(dscache.In($"cache/stats/{today}"), dscache.In("cache/stats/2026-01-01"));
        Assert.Empty((await StatsAsync("--since", "2026-01-02")).GetProperty("days").EnumerateArray());
        Assert.Single((await StatsAsync("--since", "2026-01-01")).GetProperty("days").EnumerateArray());
    }
}
