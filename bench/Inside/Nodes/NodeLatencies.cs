using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using DatasetCache.Coordination;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Files;
using DatasetCache.Http.Serving;
using DatasetCache.Memory;
using DatasetCache.Origins;
using DatasetCache.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Bench.Nodes;

/// <summary>Warm acquires through a node's local HTTP API, from another process: of a node of this program's own, or of one that runs already.</summary>
public static class NodeLatencies
{
    private const double MostMedian = 2, MostP99 = 5, LeastRate = 2000, MostWake = 50;
    private const int WarmUp = 3000, AtOnce = 8, Waiters = 16, Rounds = 20;

    /// <summary>Serves a cache root until standard input ends; no cluster.</summary>
    public static async Task ServeAsync(string root, string folder, long memory = 0)
    {
        await using var cache = LocalDatasetCache.Open(new CacheOptions { Root = root, MinFree = DiskFloor.OfBytes(0) }, new OriginFactory(new OriginOptions { Url = folder }));
        using var held = await NodeLock.TakeAsync(cache.Room, TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None);
        var token = NodeToken.Create(root);
        await using var service = new NodeService("bench", cache, holdings: null, TimeProvider.System);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, Splice.Use));
        await using var app = builder.Build();
        NodeApplication.Use(app, new NodeParts(service, cache, new LocalClusterView(service, new Peer("bench", "")), new ApiOptions { Token = token, Folders = [folder], Memory = new MemoryTierOptions { Limit = memory } }));
        await app.StartAsync();
        held.Write(new NodeAddress("bench", app.Urls.Single(), token.Path, Environment.ProcessId));
        Console.WriteLine(app.Urls.Single());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    /// <returns>Whether all bounds were kept.</returns>
    public static async Task<bool> RunAsync(int calls)
    {
        var place = Directory.CreateTempSubdirectory("node-bench-").FullName;
        try
        {
            var (root, folder) = (Path.Join(place, "cache"), Path.Join(place, "origin"));
            for (var dataset = 0; dataset <= Rounds; dataset++)
            {
                var files = Directory.CreateDirectory(Path.Join(folder, dataset.ToString(CultureInfo.InvariantCulture))).FullName;
                for (var file = 0; file < 20; file++)
                    await File.WriteAllTextAsync(Path.Join(files, file.ToString(CultureInfo.InvariantCulture)), "content");
            }
            using var server = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", root, folder]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
            try
            {
                var url = await server.StandardOutput.ReadLineAsync();
                using var client = new HttpClient { BaseAddress = new Uri(url!) };
                client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", NodeToken.Read(Path.Join(root, NodeToken.FileName)));
                return await MeasureAsync(client, folder, calls);
            }
            finally
            {
                server.StandardInput.Close();
                await server.WaitForExitAsync();
            }
        }
        finally
        {
            foreach (var folder in Directory.EnumerateDirectories(place, "*", SearchOption.AllDirectories))
                File.SetUnixFileMode(folder, (UnixFileMode)0x1C0);
            Directory.Delete(place, recursive: true);
        }
    }

    private static async Task<bool> MeasureAsync(HttpClient client, string folder, int calls)
    {
        await WarmAsync(client, folder, WarmUp, new Latencies(WarmUp));
        var alone = new Latencies(calls);
        await WarmAsync(client, folder, calls, alone);
        var together = Enumerable.Range(0, AtOnce).Select(_ => new Latencies(calls)).ToArray();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(together.Select(latencies => Task.Run(() => WarmAsync(client, folder, calls, latencies))));
        var rate = AtOnce * calls / Stopwatch.GetElapsedTime(started).TotalSeconds;
        var wakes = await WakeAsync(client, folder);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warm acquire through the node, one caller: p50 {alone.Median:0.00} ms, p99 {alone.P99:0.00} ms, max {alone.Max:0.00} ms (bounds {MostMedian}, {MostP99})"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{AtOnce} callers: {rate:0} acquires a second, each with its release (bound {LeastRate}); p50 {together.Max(l => l.Median):0.00} ms, p99 {together.Max(l => l.P99):0.00} ms"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Waiters} waiters for one miss, {Rounds} rounds: first answer to last p50 {wakes.Median:0.0} ms, max {wakes.Max:0.0} ms (bound {MostWake})"));
        return alone.Median <= MostMedian && alone.P99 <= MostP99 && rate >= LeastRate && wakes.Median <= MostWake;
    }

    private static async Task WarmAsync(HttpClient client, string folder, int calls, Latencies latencies)
    {
        for (var call = 0; call < calls; call++)
        {
            string? lease = null;
            await latencies.MeasureAsync(async () =>
            {
                using var body = Body(folder, dataset: 0, wait: 5);
                using var response = await client.PostAsync("/v1/acquire", body);
                using var answer = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync());
                lease = answer.RootElement.GetProperty("dataset").GetProperty("lease").GetProperty("id").GetString();
            });
            using var released = await client.DeleteAsync("/v1/leases/" + lease);
        }
    }

    // From the moment that the snapshot has its name to each waiter's answer.
    private static async Task<Latencies> WakeAsync(HttpClient client, string folder)
    {
        var wakes = new Latencies(Rounds);
        for (var round = 1; round <= Rounds; round++)
        {
            var dataset = round;
            var answers = await Task.WhenAll(Enumerable.Range(0, Waiters).Select(async _ =>
            {
                using var body = Body(folder, dataset, wait: 5);
                using var response = await client.PostAsync("/v1/acquire", body);
                using var answer = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync());
                return (At: Stopwatch.GetTimestamp(), IsDone: answer.RootElement.GetProperty("state").GetString() is "done");
            }));
            if (!answers.All(answer => answer.IsDone))
                throw new InvalidOperationException("A waiter was not answered.");
            wakes.Add(Stopwatch.GetElapsedTime(answers.Min(answer => answer.At), answers.Max(answer => answer.At)).TotalMilliseconds);
        }
        return wakes;
    }

    private static StringContent Body(string folder, int dataset, int wait) => new(
        string.Create(CultureInfo.InvariantCulture, $$"""{"dataset":{"origin":"{{folder}}/{{dataset}}","snapshotId":"snap_{{dataset}}"},"wait":{{wait}}}"""), Encoding.UTF8, "application/json");
}
