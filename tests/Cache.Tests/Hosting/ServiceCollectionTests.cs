using DatasetCache.Datasets;
using DatasetCache.Hosting;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DatasetCache.Cache.Tests.Hosting;

public sealed class ServiceCollectionTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());

    public ServiceCollectionTests() => Set(("cache:root", folder["cache"]), ("cache:minFree", "0%"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_host_gets_one_cache_under_both_names_from_a_section_of_its_configuration_and_closes_it()
    {
        Set(("CACHE:MAXSIZE", "3GB"), ("freshness:ttl", "7m"), ("origin:url", folder.CreateDirectory("origin")), ("include:0", "*.jpg"), ("include:1", "*.json"), ("json", "true"));
        builder.Services.AddDatasetCache(builder.Configuration.GetSection("Data"));
        LocalDatasetCache cache;
        using (var host = builder.Build())
        {
            await host.StartAsync(TestContext.Current.CancellationToken);
            cache = host.Services.GetRequiredService<LocalDatasetCache>();
            Assert.Same(cache, host.Services.GetRequiredService<IDatasetCache>());
            var options = host.Services.GetRequiredService<IOptions<CacheOptions>>().Value;
            Assert.Equal((3_000_000_000, TimeSpan.FromMinutes(7), folder["cache"]), (options.MaxSize, options.FreshnessTtl, options.Root));
            Assert.Equal(folder["origin"], host.Services.GetRequiredService<IOptions<OriginOptions>>().Value.Url);
            Assert.Equal(3_000_000_000, cache.Space().Quota);
        }
        Assert.Throws<ObjectDisposedException>(() => cache.List());
    }

    [Fact]
    public async Task A_host_refuses_to_start_and_names_every_setting_that_is_wrong()
    {
        Set(("cache:maxSize", "50G"), ("transfer:concurrency", "0"), ("cache:maxSise", "1GB"), ("origin:accessKey", "half"));
        builder.Services.AddDatasetCache(builder.Configuration.GetSection("Data"));
        using var host = builder.Build();

        var refusal = await Assert.ThrowsAsync<ConfigurationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains("cache.maxSize is '50G' (configuration Data); it must be a size above 0", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("transfer.concurrency is '0' (configuration Data); it must be a whole number from 1 to 1024", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("configuration Data: there is no setting 'cache.maxSise'. Did you mean 'cache.maxSize'?", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("origin.secretKey is not set although origin.accessKey is (configuration Data)", refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["cache"]));
    }

    [Fact]
    public async Task Options_changed_in_code_are_held_to_the_same_rules()
    {
        builder.Services.AddDatasetCache(builder.Configuration.GetSection("Data"), options => options with
        {
            Root = "relative", MaxSize = -1, LowMarkPercent = 0, BaseTtl = TimeSpan.Zero, Concurrency = 2000, Attempts = 0, StallTimeout = TimeSpan.FromHours(-2),
            MaxStale = TimeSpan.FromDays(50), DatasetPathTemplate = "../{dataset}",
        });
        using var host = builder.Build();

        var refusal = await Assert.ThrowsAsync<ConfigurationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.All(["cache.root is 'relative'", "cache.maxSize is '-1'", "cache.lowMark is '0%'", "eviction.baseTtl is '0ms'", "transfer.concurrency is '2000'", "transfer.attempts is '0'",
            "transfer.stallTimeout is '-2h'", "freshness.maxStale is '50d'", "origin.datasetPath is '../{dataset}'"],
            mistake => Assert.Contains($"{mistake} (set in code); it must be ", refusal.Message, StringComparison.Ordinal));
        Assert.StartsWith("9 settings are wrong", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_the_defaults_and_the_parser_allow_is_valid_in_code_too()
    {
        new CacheOptions { Root = "/x" }.Validate();
        // An option that is new is checked too.
        Assert.Equal(typeof(CacheOptions).GetProperties().Length, DatasetCache.Configuration.OptionsText.Of(new CacheOptions { Root = "/x" }).Count());
        new CacheOptions
        {
            Root = "/x", MaxSize = 1, LowMarkPercent = 100, MinFree = DiskFloor.OfPercent(0.5), BaseTtl = TimeSpan.FromTicks(1), MaxTtl = TimeSpan.FromDays(3650), StallTimeout = TimeSpan.FromMilliseconds(1.5),
            LockTimeout = TimeSpan.Zero, FreshnessTtl = TimeSpan.Zero, MaxStale = TimeSpan.FromDays(49), Concurrency = 1024, Attempts = 100,
        }.Validate();
    }

    [Fact]
    public async Task What_is_registered_already_is_used_and_what_happens_is_logged()
    {
        var origin = new MemoryOrigin();
        var log = new LogLines();
        builder.Services.AddSingleton<IOriginFactory>(origin).AddSingleton<ILoggerFactory>(log);
        builder.Services.AddDatasetCache(builder.Configuration.GetSection("Data"), options => options with { Durable = false });
        using var host = builder.Build();
        var cache = host.Services.GetRequiredService<LocalDatasetCache>();
        cache.Evicted += (_, _) => throw new InvalidOperationException("a handler's own");
        origin.Put("set/a.txt", "1");
        string first, second;
        await using (var lease = await cache.AcquireAsync(Request(), cancellationToken: TestContext.Current.CancellationToken))
            first = lease.CacheKey;
        origin.Put("set/b.txt", "2");
        await using (var lease = await cache.AcquireAsync(Request(), cancellationToken: TestContext.Current.CancellationToken))
            second = lease.CacheKey;
        await cache.EvictAsync(first, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(
            [$"{second} takes the place of {first}: 1 files added, 0 changed, 0 removed", $"Evicted {first}: 4096 bytes freed (Asked)", "A handler of an event of the dataset cache threw"], log.Lines);
    }

    [Fact]
    public async Task Maintenance_runs_with_the_host_finds_what_is_broken_and_ends_with_it()
    {
        var origin = new MemoryOrigin();
        var log = new LogLines();
        builder.Services.AddSingleton<IOriginFactory>(origin).AddSingleton<ILoggerFactory>(log).AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddDatasetCache(builder.Configuration.GetSection("Data"), options => options with { Durable = false, ScrubRate = 0 });
        builder.Services.AddDatasetCacheMaintenance();
        using var host = builder.Build();
        var cache = host.Services.GetRequiredService<LocalDatasetCache>();
        origin.Put("set/a.txt", "good");
        string file;
        await using (var lease = await cache.AcquireAsync(Request(), cancellationToken: TestContext.Current.CancellationToken))
            file = Path.Combine(lease.Path, "a.txt");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(file, "evil");
        var found = new TaskCompletionSource<EntryInvalidatedEventArgs>(TaskCreationOptions.RunContinuationsAsynchronously);
        cache.Invalidated += (_, broken) => found.TrySetResult(broken);

        await host.StartAsync(TestContext.Current.CancellationToken);
        var broken = await found.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal("good", File.ReadAllText(file));
        Assert.Contains(log.Lines, line => line.StartsWith($"{broken.CacheKey} was found broken ({broken.Outcome})", StringComparison.Ordinal));
    }

    private static AcquireRequest Request() => new() { Dataset = new DatasetRef { Origin = "set" }, Refresh = true };

    private void Set(params (string Key, string Value)[] values)
        => builder.Configuration.AddInMemoryCollection(values.Select(pair => KeyValuePair.Create("Data:" + pair.Key, (string?)pair.Value)));

    private sealed class LogLines : ILoggerFactory, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
