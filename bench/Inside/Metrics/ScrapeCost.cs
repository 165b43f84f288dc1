using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Bench.Metrics;

/// <summary>What a scrape of /metrics costs a node with few entries and with many.</summary>
public static class ScrapeCost
{
    private const double MostMilliseconds = 20;
    private const double MostGrowth = 1.1;
    private const int WarmUp = 200;

    /// <returns>Whether a scrape took at most 20 ms, 99 of 100 times, and allocated the same for 10 entries and for 10,000.</returns>
    public static async Task<bool> RunAsync(int scrapes)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"/metrics, {scrapes} scrapes; bounds: p99 {MostMilliseconds} ms, and allocations that do not grow with the entries ({MostGrowth:0.0} ×)"));
        Console.WriteLine();
        Console.WriteLine($"{"entries",8} {"bytes",8} {"p50 ms",8} {"p99 ms",8} {"KB allocated",13}");
        var allocated = new List<double>();
        var within = true;
        foreach (var entries in new[] { 10, 10_000 })
        {
            var (latencies, bytes, size) = await MeasureAsync(entries, scrapes);
            Array.Sort(latencies);
            var p99 = latencies[latencies.Length * 99 / 100];
            within &= p99 <= MostMilliseconds;
            allocated.Add(bytes);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entries,8} {size,8} {latencies[latencies.Length / 2],8:0.000} {p99,8:0.000} {bytes / 1024,13:0.0}"));
        }
        within &= allocated[1] <= allocated[0] * MostGrowth;
        Console.WriteLine(within ? "within the bounds" : "MISSED a bound");
        return within;
    }

    private static async Task<(double[] Milliseconds, double BytesEach, int Size)> MeasureAsync(int entries, int scrapes)
    {
        await using var filled = await FilledCache.CreateAsync(files: 1, entries);
        await using var cache = filled.Open();
        await using var service = new NodeService("bench", cache, holdings: null, TimeProvider.System);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        var token = NodeToken.Create(filled.Root);
        NodeApplication.Use(app, new NodeParts(service, cache, new LocalClusterView(service, new Peer("bench", "")), new ApiOptions { Token = token }));
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", NodeToken.Read(token.Path));
        var size = 0;
        // Also until the entries have been counted.
        for (var i = 0; i < WarmUp || cache.Held.Entries < entries; i++)
            size = (await client.GetByteArrayAsync("/metrics")).Length;
        var latencies = new double[scrapes];
        // Of client and server together: the client's part is the same for both.
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < scrapes; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await client.GetByteArrayAsync("/metrics");
            latencies[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        var each = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)scrapes;
        await app.StopAsync();
        return (latencies, each, size);
    }
}
