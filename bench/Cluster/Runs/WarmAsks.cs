using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Client;
using DatasetCache.Datasets;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>Acquires of what the node of this network namespace has, and waiters of what it is about to have.</summary>
internal static class WarmAsks
{
    private const double MostMedian = 2, MostP99 = 5, LeastRate = 2000, MostWake = 50;
    private const int WarmUp = 2000, AtOnce = 8, Waiters = 16, Rounds = 20;
    private const int Files = 20, FileSize = 4096;

    public static async Task<bool> RunAsync(string root, string gateway, int calls)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri("http://127.0.0.1:4680") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(root, "node.token"))).Trim());
        await using var client = await DatasetCacheClient.ConnectAsync(new DatasetCacheClientOptions { Gateway = gateway, CacheRoot = root });
        var verdict = new Verdict();
        foreach (var (name, ask) in new (string, Func<MadeDataset, Task<Func<Task>>>)[] { ("HTTP API", dataset => ByHttpAsync(http, dataset)), ("C# client", dataset => ByClientAsync(client, dataset)) })
        {
            var warm = Dataset();
            await (await ask(warm))();
            await ManyAsync(ask, warm, new Latencies(WarmUp), WarmUp);
            var alone = new Latencies(calls);
            await ManyAsync(ask, warm, alone, calls);
            var each = Enumerable.Range(0, AtOnce).Select(_ => new Latencies(calls)).ToArray();
            var started = Stopwatch.GetTimestamp();
            await Task.WhenAll(each.Select(latencies => Task.Run(() => ManyAsync(ask, warm, latencies, calls))));
            var rate = AtOnce * calls / Stopwatch.GetElapsedTime(started).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name}: one caller p50 {alone.Median:0.00} ms, p99 {alone.P99:0.00} ms; {AtOnce} callers p50 {each.Max(one => one.Median):0.00} ms, p99 {each.Max(one => one.P99):0.00} ms"));
            verdict.AtMost($"{name}, p50", alone.Median, MostMedian, " ms");
            verdict.AtMost($"{name}, p99", alone.P99, MostP99, " ms");
            verdict.AtLeast($"{name}, acquires a second, each with its release", rate, LeastRate);
            var wakes = await WakesAsync(root, ask);
            verdict.AtMost($"{name}, the last of {Waiters} waiters after the publish, worst of {Rounds} rounds (p50 {wakes.Median.ToString("0.0", CultureInfo.InvariantCulture)} ms)", wakes.Max, MostWake, " ms");
        }
        return verdict.Kept;
    }

    private static MadeDataset Dataset() => new(Files, FileSize, Guid.NewGuid().ToString("N")[..12]);

    // What is measured is the acquire; each lease ends before the next.
    private static async Task ManyAsync(Func<MadeDataset, Task<Func<Task>>> ask, MadeDataset dataset, Latencies latencies, int calls)
    {
        for (var call = 0; call < calls; call++)
        {
            Func<Task>? release = null;
            await latencies.MeasureAsync(async () => release = await ask(dataset));
            await release!();
        }
    }

    // Both give what ends the lease.
    private static async Task<Func<Task>> ByHttpAsync(HttpClient http, MadeDataset dataset)
    {
        using var body = NodeApi.Body(dataset, wait: 20);
        using var response = await http.PostAsync("/v1/acquire", body);
        var text = await response.Content.ReadAsStringAsync();
        using var answer = JsonDocument.Parse(text);
        if (!answer.RootElement.TryGetProperty("dataset", out var ready) || ready.ValueKind != JsonValueKind.Object)
            throw new InvalidOperationException(text);
        var lease = ready.GetProperty("lease").GetProperty("id").GetString();
        return async () => (await http.DeleteAsync("/v1/leases/" + lease)).Dispose();
    }

    private static async Task<Func<Task>> ByClientAsync(DatasetCacheClient client, MadeDataset dataset)
    {
        var lease = await client.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { SnapshotId = dataset.Snapshot, DatasetId = dataset.Id, Selection = new Selection { Mode = SelectionMode.All } } });
        return () => lease.DisposeAsync().AsTask();
    }

    // From the moment that the snapshot has its name, by the time of the folder in which it got it (as coarse as the kernel's tick, and early by it), to the last answer.
    private static async Task<Latencies> WakesAsync(string root, Func<MadeDataset, Task<Func<Task>>> ask)
    {
        var wakes = new Latencies(Rounds);
        for (var round = 0; round < Rounds; round++)
        {
            var dataset = Dataset();
            var answered = await Task.WhenAll(Enumerable.Range(0, Waiters).Select(async _ =>
            {
                var release = await ask(dataset);
                return (At: TimeProvider.System.GetUtcNow(), Release: release);
            }));
            wakes.Add((answered.Max(one => one.At).UtcDateTime - Directory.GetLastWriteTimeUtc(Path.Combine(root, "snapshots"))).TotalMilliseconds);
            await Task.WhenAll(answered.Select(one => one.Release()));
        }
        return wakes;
    }
}
