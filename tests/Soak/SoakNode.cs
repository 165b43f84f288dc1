using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using DatasetCache.Silo.Tests;
using DatasetCache.Testing;

namespace DatasetCache.Soak;

/// <summary>A node on a disk of its own, which may run or not, and what a job or an operator asks of it.</summary>
internal sealed class SoakNode(string name, LoopDisk disk, SoakOrigin origin, string database, string cluster) : IAsyncDisposable
{
    private const int Terminate = 15;
    private readonly (int Silo, int Gateway) ports = (PostgresServer.FreePort(), PostgresServer.FreePort());
    private SiloProcess? silo;
    private HttpClient? api;

    public string Name => name;

    public string Root => Path.Join(disk.Path, "cache");

    public string Disk => disk.Path;

    /// <summary>Grows with every start and every end: what a call met is its own life only.</summary>
    public int Life { get; private set; }

    public bool IsUp { get; private set; }

    /// <summary>Gets and holds of now.</summary>
    public int Jobs;

    /// <summary>Pins of now.</summary>
    public int Pins;

    /// <summary>Files in which a bit was flipped and that were not verified since.</summary>
    public ConcurrentDictionary<string, bool> Flipped { get; } = new(StringComparer.Ordinal);

    /// <summary>Every one that ever was, in their order.</summary>
    public ConcurrentQueue<string> EverFlipped { get; } = [];

    public string Said => silo?.Said ?? "";

    /// <summary>Ready when this returns.</summary>
    public async Task StartAsync()
    {
        var settings = Path.Join(disk.Path, "dscache.json");
        if (!File.Exists(settings))
            await File.WriteAllTextAsync(settings, JsonSerializer.Serialize(new { origin = new { endpoint = origin.Proxy.Endpoint, bucket = "soak", accessKey = name, secretKey = "not-so-secret" } }));
        silo = SiloProcess.Start(Root, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DSCACHE_CONFIG"] = settings,
            ["DSCACHE_STALL_TIMEOUT"] = "5s",
            ["DSCACHE_NODE_LEASE_TTL"] = "40s",
            ["DSCACHE_CLUSTER_DATABASE"] = database,
            ["DSCACHE_CLUSTER_SECRET"] = "0123456789abcdef0123456789abcdef0123456789abcdef",
        },
        "--node-id", name, "--cluster-id", cluster, "--api-port", "0", "--data-port", "0",
        "--silo-port", ports.Silo.ToString(CultureInfo.InvariantCulture), "--gateway-port", ports.Gateway.ToString(CultureInfo.InvariantCulture));
        api = await silo.ReadyAsync();
        Life++;
        IsUp = true;
    }

    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync(bool kill)
    {
        Life++;
        IsUp = false;
        if (kill)
            silo!.Kill();
        return await silo!.ExitAsync(kill ? null : Terminate);
    }

    /// <summary>Whether it has ended though nobody asked it to.</summary>
    public bool HasDied => IsUp && silo!.Ended.IsCompleted;

    public void Buried() => IsUp = false;

    public async Task<Held> AcquireAsync(int dataset, CancellationToken cancellationToken)
    {
        while (true)
        {
            var id = SoakOrigin.Name(dataset);
            using var begun = await api!.PostAsJsonAsync("/v1/acquire", new { dataset = new { datasetId = id, snapshotId = "s-" + id, select = "all" }, wait = 1 }, cancellationToken);
            if (await FollowAsync(begun, cancellationToken) is not { } done)
                continue;
            var ready = done.GetProperty("dataset");
            return new Held(ready.GetProperty("snapshotPath").GetString()!, ready.GetProperty("lease").GetProperty("id").GetString()!, ready.GetProperty("outcome").GetString()!);
        }
    }

    public Task<HttpResponseMessage> ReleaseAsync(Held held) => SendAsync(HttpMethod.Delete, $"/v1/leases/{held.Lease}");

    public async Task<bool> PinAsync(string key) => (await SendAsync(HttpMethod.Put, $"/v1/datasets/{key}/pin")).IsSuccessStatusCode;

    public Task<HttpResponseMessage> UnpinAsync(string key) => SendAsync(HttpMethod.Delete, $"/v1/datasets/{key}/pin");

    public Task<HttpResponseMessage> EvictAsync(string key) => SendAsync(HttpMethod.Delete, $"/v1/datasets/{key}");

    /// <returns>What came of it, or null where the dataset is gone.</returns>
    public async Task<string?> VerifyAsync(string key, CancellationToken cancellationToken)
    {
        using var begun = await api!.PostAsJsonAsync($"/v1/datasets/{key}/verify", new { level = "pieces" }, cancellationToken);
        if (begun.StatusCode == System.Net.HttpStatusCode.NotFound)
            return null;
        // A node that stops ends what it verifies, and one that was started anew knows nothing of it.
        return await FollowAsync(begun, cancellationToken) is { } done && done.TryGetProperty("verified", out var verified)
            ? verified.GetProperty("outcome").GetString() : throw new HttpRequestException($"{Name} did not verify {key} to the end.");
    }

    /// <summary>The folder of a dataset here, whatever its state; null where it is not.</summary>
    public string? FolderOf(int dataset)
    {
        var snapshots = Path.Join(Root, "snapshots");
        return Directory.Exists(snapshots) ? Directory.EnumerateDirectories(snapshots, $"s-{SoakOrigin.Name(dataset)}_*").FirstOrDefault() : null;
    }

    public async ValueTask DisposeAsync()
    {
        if (silo is not null)
            await silo.DisposeAsync();
        api?.Dispose();
        disk.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        return await api!.SendAsync(request);
    }

    // Null where the node knows nothing of it any more.
    private async Task<JsonElement?> FollowAsync(HttpResponseMessage begun, CancellationToken cancellationToken)
    {
        var work = await ReadAsync(begun);
        while (work is { } running && running.GetProperty("state").GetString() == "running")
        {
            using var answer = await api!.GetAsync($"/v1/acquisitions/{running.GetProperty("ticket").GetString()}?wait=1", cancellationToken);
            work = await ReadAsync(answer);
        }
        return work;
    }

    private static async Task<JsonElement?> ReadAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        if (text.Contains("unknownTicket", StringComparison.Ordinal))
            return null;
        return answer.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new RefusedException(text);
    }
}

/// <param name="Folder">Of the snapshot; its name is the cache key.</param>
internal sealed record Held(string Folder, string Lease, string Outcome)
{
    public string Key => Path.GetFileName(Folder);
}

/// <summary>The node answered, and said no; the message is what it said.</summary>
internal sealed class RefusedException(string said) : Exception(said);
