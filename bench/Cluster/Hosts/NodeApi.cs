using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>What came of an acquire. Times are timestamps of <see cref="Stopwatch"/>.</summary>
/// <param name="Error">Null where it came to a good end.</param>
internal sealed record JobOutcome(int Node, long Asked, long Ready, string? Lease, string? Path, string? Error)
{
    public double Seconds => Stopwatch.GetElapsedTime(Asked, Ready).TotalSeconds;
}

/// <summary>A node's own HTTP API, as a job on its host uses it.</summary>
internal sealed class NodeApi : IDisposable
{
    private readonly HttpClient http;

    public NodeApi(Ground ground, int node)
    {
        Node = node;
        http = Namespace.Http(ground.NamespaceOf(node), new Uri("http://127.0.0.1:4680"));
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(ground.RootOf(node), "node.token")).Trim());
    }

    public int Node { get; }

    /// <summary>Opens the connection, so that it is not part of what is measured.</summary>
    public Task GreetAsync() => http.GetStringAsync("/v1/status");

    /// <summary>Where its data plane listens (host:port).</summary>
    public async Task<string> EndpointAsync()
    {
        using var cluster = JsonDocument.Parse(await http.GetStringAsync("/v1/cluster?limit=1"));
        var self = cluster.RootElement.GetProperty("self").GetString();
        return cluster.RootElement.GetProperty("nodes").EnumerateArray().First(node => string.Equals(node.GetProperty("node").GetString(), self, StringComparison.Ordinal)).GetProperty("address").GetString()!;
    }

    /// <summary>Asks, and waits until the node is done.</summary>
    /// <param name="watch">Is told how many bytes have come from the origin and how many from others, again and again, with a timestamp.</param>
    public async Task<JobOutcome> AcquireAsync(MadeDataset dataset, Action<long, long, long>? watch = null)
    {
        var asked = Stopwatch.GetTimestamp();
        try
        {
            using var body = Body(dataset, wait: 0);
            var work = await AnswerAsync(await http.PostAsync("/v1/acquire", body));
            var wait = watch is null ? "20" : "0.05";
            while (work.GetProperty("state").GetString() is "running")
            {
                if (work.TryGetProperty("progress", out var progress) && progress.ValueKind == JsonValueKind.Object)
                    watch?.Invoke(Number(progress, "bytesFromOrigin"), Number(progress, "bytesDone") - Number(progress, "bytesFromOrigin"), Stopwatch.GetTimestamp());
                work = await AnswerAsync(await http.GetAsync($"/v1/acquisitions/{work.GetProperty("ticket").GetString()}?wait={wait}"));
            }
            var ready = work.GetProperty("dataset");
            return new JobOutcome(Node, asked, Stopwatch.GetTimestamp(), ready.GetProperty("lease").GetProperty("id").GetString(), ready.GetProperty("snapshotPath").GetString(), Error: null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or JsonException)
        {
            return new JobOutcome(Node, asked, Stopwatch.GetTimestamp(), Lease: null, Path: null, e.Message);
        }
    }

    public async Task ReleaseAsync(JobOutcome acquired)
    {
        if (acquired.Lease is { } lease)
            (await http.DeleteAsync("/v1/leases/" + lease)).Dispose();
    }

    public void Dispose() => http.Dispose();

    public static StringContent Body(MadeDataset dataset, double wait) => new(
        string.Create(CultureInfo.InvariantCulture, $$"""{"dataset":{"snapshotId":"{{dataset.Snapshot}}","datasetId":"{{dataset.Id}}","select":"all"},"wait":{{wait}}}"""), Encoding.UTF8, "application/json");

    private static async Task<JsonElement> AnswerAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new InvalidOperationException(text);
        }
    }

    private static long Number(JsonElement progress, string name) => progress.GetProperty(name).GetInt64();
}
