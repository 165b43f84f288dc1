using BenchmarkDotNet.Attributes;

namespace DatasetCache.Bench.Warm;

/// <summary>The mean of a warm acquire, and what it allocates.</summary>
[MemoryDiagnoser]
public class WarmAcquire
{
    private FilledCache? cache;

    [Params(10, 100_000)]
    public int Files { get; set; }

    [Params(10, 10_000)]
    public int Entries { get; set; }

    [GlobalSetup]
    public async Task FillAsync()
    {
        cache = await FilledCache.CreateAsync(Files, Entries);
        Directory.CreateDirectory(cache.Job(0));
    }

    [GlobalCleanup]
    public async Task RemoveAsync() => await cache!.DisposeAsync();

    [Benchmark(Baseline = true)]
    public Task<AcquireOutcome> LeaseAlone() => cache!.AcquireAsync();

    [Benchmark]
    public Task<AcquireOutcome> WithJobLink() => cache!.AcquireAsync(cache.Job(0));
}
