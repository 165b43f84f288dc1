using DatasetCache.Configuration;
using DatasetCache.Http.Serving;
using DatasetCache.Http.Tests.Access;
using DatasetCache.Testing;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Tests.Serving;

/// <summary>What a running node takes over from its settings, one by one.</summary>
public sealed class SettingReloadTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly Said said = new();
    private readonly LocalDatasetCache cache;
    private readonly SettingReload reload;

    public SettingReloadTests()
    {
        var sources = new SettingSources(NodeArguments.Parse("dscache", [], []), name => name is "DSCACHE_ROOT" ? folder["root"] : null, [folder["dscache.json"]]);
        Write("cache", "maxSize", "50GB");
        cache = LocalDatasetCache.Open(sources.Read().Engine.Cache, new MemoryOrigin());
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(said));
        reload = new SettingReload(sources, cache, TimeProvider.System, loggers.CreateLogger<SettingReload>());
    }

    public void Dispose()
    {
        reload.Dispose();
        cache.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("cache", "maxSize", "61GB", 61_000_000_000L)]
    [InlineData("cache", "lowMark", "41%", 41)]
    [InlineData("cache", "minFree", "3GB", 3_000_000_000L)]
    [InlineData("eviction", "baseTtl", "5h", 5)]
    [InlineData("eviction", "maxTtl", "97h", 97)]
    [InlineData("freshness", "ttl", "7h", 7)]
    [InlineData("freshness", "maxStale", "25h", 25)]
    [InlineData("scrub", "period", "49h", 49)]
    [InlineData("scrub", "rate", "9MB", 9_000_000)]
    public void What_changes_while_a_node_runs_counts_at_once(string part, string name, string text, double expected)
    {
        Write(part, name, text);
        reload.Look();

        var now = cache.Options;
        Assert.Equal(expected, name switch
        {
            "maxSize" => now.MaxSize,
            "lowMark" => now.LowMarkPercent,
            "minFree" => now.MinFree.Bytes,
            "baseTtl" => now.BaseTtl.TotalHours,
            "maxTtl" => now.MaxTtl.TotalHours,
            "ttl" => now.FreshnessTtl.TotalHours,
            "maxStale" => now.MaxStale.TotalHours,
            "period" => now.ScrubPeriod.TotalHours,
            _ => now.ScrubRate,
        });
        Assert.Contains($"{part}.{name} is {text} from now on", said.All, StringComparison.Ordinal);
    }

    [Fact]
    public void What_counts_from_the_next_start_is_told_and_left_as_it_is()
    {
        Write("transfer", "concurrency", "7");
        reload.Look();

        Assert.Equal(32, cache.Options.Concurrency);
        Assert.Contains("transfer.concurrency has changed", said.All, StringComparison.Ordinal);
        Assert.Contains("counts from the next start", said.All, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_settings_and_a_file_that_is_gone_change_nothing()
    {
        Write("cache", "maxSize", "plenty");
        reload.Look();
        Assert.Contains("all stays as it was: cache.maxSize is 'plenty'", said.All, StringComparison.Ordinal);
        File.Delete(folder["dscache.json"]);
        reload.Look();
        Assert.Contains("a file that was there at the start of the node is gone", said.All, StringComparison.Ordinal);

        Assert.Equal(50_000_000_000, cache.Options.MaxSize);
    }

    private void Write(string part, string name, string text) => File.WriteAllText(folder["dscache.json"], $$"""{ "{{part}}": { "{{name}}": "{{text}}" } }""");
}
