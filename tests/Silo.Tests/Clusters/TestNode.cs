using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace DatasetCache.Silo.Tests;

/// <summary>A node of a <see cref="TestCluster"/>: a process that can be started again with the same settings and the same folder.</summary>
internal sealed class TestNode(TestCluster cluster, int number, string folder) : IAsyncDisposable
{
    private const int SigStop = 19, SigContinue = 18;
    private const string ClusterSecret = "0123456789abcdef0123456789abcdef0123456789abcdef";

    private (int Silo, int Gateway) ports = (PostgresServer.FreePort(), PostgresServer.FreePort());
    private HttpClient? api;
    private static readonly TimeSpan RestartPause = TimeSpan.FromSeconds(2);

    private Task supervising = Task.CompletedTask;
    private bool isOver;

    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"n{number}");

    public int Number => number;

    public string Gateway => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports.Gateway}");

    public string CacheRoot => Path.Combine(folder, "cache");

    public string Secret { get; init; } = ClusterSecret;

    /// <summary>For mutual TLS with the others; null for none.</summary>
    public (string Certificate, string Key, string Authorities)? Tls { get; set; }

    /// <summary>The file of who may use its API; null for none.</summary>
    public string? Tokens { get; set; }

    public SiloProcess Silo { get; private set; } = null!;

    public bool WasStarted => Silo is not null;

    public bool IsRunning => WasStarted && !Silo.Ended.IsCompleted;

    public HttpClient Api => api!;

    /// <summary>How often it was started again because it had ended by itself.</summary>
    public int Returns { get; private set; }

    /// <summary>Ready when this returns.</summary>
    public async Task StartAsync(string? secret = null)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "dscache.json"), JsonSerializer.Serialize(new
        {
            origin = new { endpoint = cluster.Origin.Endpoint, bucket = "cluster", accessKey = Name, secretKey = "not-so-secret" },
        }));
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DSCACHE_CONFIG"] = Path.Combine(folder, "dscache.json"),
            ["DSCACHE_MIN_FREE"] = "0%",
            ["DSCACHE_CLUSTER_DATABASE"] = cluster.Database,
            ["DSCACHE_CLUSTER_SECRET"] = secret ?? Secret,
        };
        if (Tokens is not null)
            environment["DSCACHE_API_TOKENS"] = Tokens;
        Silo = SiloProcess.StartIn(cluster.Network?.NamespaceOf(number), CacheRoot, environment,
        [
            "--node-id", Name, "--cluster-id", cluster.Id, "--api-port", "0", "--data-port", "0",
            "--silo-port", ports.Silo.ToString(CultureInfo.InvariantCulture), "--gateway-port", ports.Gateway.ToString(CultureInfo.InvariantCulture),
            .. cluster.Network is { } network ? (string[])["--cluster-network", network.Network, "--cluster-address", network.AddressOf(number)] : [],
            .. Tls is { } tls ? (string[])["--tls-certificate", tls.Certificate, "--tls-key", tls.Key, "--tls-authorities", tls.Authorities] : [],
        ]);
        api = await Silo.ReadyAsync();
    }

    /// <summary>With other ports, as where the system gave them out anew.</summary>
    public void Move() => ports = (PostgresServer.FreePort(), PostgresServer.FreePort());

    /// <summary>Restart=always, as systemd does it.</summary>
    public void Supervise() => supervising = Task.Run(async () =>
    {
        while (true)
        {
            await Silo.Ended;
            if (isOver)
                return;
            Returns++;
            await Task.Delay(RestartPause);
            try
            {
                await StartAsync();
            }
            catch (InvalidOperationException) when (Silo.Ended.IsCompleted)
            {
                // It could not join yet.
            }
        }
    });

    public async Task KillAsync()
    {
        Silo.Kill();
        await Silo.Ended;
    }

    public void Suspend() => Silo.Signal(SigStop);

    public void Resume() => Silo.Signal(SigContinue);

    /// <summary>As a job without a client does it: asked again where the node was started anew in between.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message is what the node said.</exception>
    public async Task<JobResult> AcquireAsync(string dataset = "d1", Action<long>? progress = null)
    {
        while (true)
        {
            using var begun = await Api.PostAsJsonAsync("/v1/acquire", new { dataset = new { datasetId = dataset, snapshotId = "s-" + dataset, select = "all" }, wait = 1 });
            var work = await ReadAsync(begun);
            while (work is { } running && running.GetProperty("state").GetString() == "running")
            {
                progress?.Invoke(running.TryGetProperty("progress", out var at) && at.ValueKind == JsonValueKind.Object ? at.GetProperty("bytesDone").GetInt64() : 0);
                using var answer = await Api.GetAsync($"/v1/acquisitions/{running.GetProperty("ticket").GetString()}?wait=0.2");
                work = await ReadAsync(answer);
            }
            if (work is { } done)
            {
                var ready = done.GetProperty("dataset");
                return new JobResult(ready.GetProperty("snapshotPath").GetString()!, ready.GetProperty("lease").GetProperty("id").GetString()!,
                    ready.GetProperty("outcome").GetString()!, ready.GetProperty("bytesFromOrigin").GetInt64());
            }
        }
    }

    /// <summary>The same while the node may be gone and come back in the middle: a job asks again for a minute.</summary>
    public async Task<JobResult> ReturnAsync(string dataset = "d1")
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await AcquireAsync(dataset);
            }
            catch (HttpRequestException) when (tries < 120)
            {
                await Task.Delay(500);
            }
        }
    }

    public async Task<bool> RenewAsync(string lease)
    {
        using var answer = await Api.PostAsync($"/v1/leases/{lease}/renew", content: null);
        return answer.IsSuccessStatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (isOver)
            return;
        isOver = true;
        if (WasStarted)
            await Silo.DisposeAsync();
        try
        {
            await supervising;
        }
        catch (InvalidOperationException)
        {
            // It was ended while it started.
        }
        api?.Dispose();
    }

    // Null where the node knows nothing of it any more.
    private static async Task<JsonElement?> ReadAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.StatusCode == HttpStatusCode.NotFound && text.Contains("unknownTicket", StringComparison.Ordinal))
            return null;
        return answer.IsSuccessStatusCode ? JsonElement.Parse(text) : throw new InvalidOperationException($"{(int)answer.StatusCode}: {text}");
    }
}

/// <param name="Outcome"><c>hit</c> or <c>miss</c>, as the API says it.</param>
internal sealed record JobResult(string Path, string Lease, string Outcome, long BytesFromOrigin);
