using System.Globalization;
using System.Text.Json;
using DatasetCache.Http.Access;
using DatasetCache.Http.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Pages.Tests;

/// <summary>The real pages over a <see cref="FakeCluster"/> that answers as a node's HTTP API does.</summary>
internal sealed class FakeApi : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly WebApplication app;
    private volatile bool isSilent;

    private FakeApi(WebApplication app, FakeCluster cluster) => (this.app, Cluster) = (app, cluster);

    public FakeCluster Cluster { get; }

    public string Url => app.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>Whether it hangs up on whoever asks for data.</summary>
    public bool IsSilent
    {
        get => isSilent;
        set => isSilent = value;
    }

    public bool CanOperate { get; init; } = true;

    public static async Task<FakeApi> StartAsync(FakeCluster cluster, bool canOperate = true, bool hasDashboard = false, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port));
        var app = builder.Build();
        var api = new FakeApi(app, cluster) { CanOperate = canOperate };
        app.Use(next => context =>
        {
            if (!api.IsSilent || !context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal))
                return next(context);
            context.Abort();
            return Task.CompletedTask;
        });
        app.Use(next => context =>
        {
            context.Features.Set(new Caller(new Credential("someone", canOperate ? Role.Operator : Role.Reader, "someone"), ByCookie: true));
            return next(context);
        });
        app.MapNodePages(cluster.Self);
        api.Map(app);
        if (hasDashboard)
            app.MapGet("/dashboard", () => "the dashboard");
        await app.StartAsync();
        return api;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/cluster", (string? key, string? after, int? limit) => Answer(() => ClusterDocument(key, after, limit ?? 100)));
        routes.MapGet("/v1/statistics", (string from, string to) => Answer(() => Statistics(from, to)));
        routes.MapGet("/v1/datasets/{key}/history", (string key) => Answer(() => new
        {
            Events = Of(key)?.History.Select(one => new { one.At, one.Event, one.Detail, one.Node }) ?? [],
        }));
        foreach (var place in (string[])["/v1/datasets/{key}", "/v1/nodes/{node}/datasets/{key}"])
        {
            routes.MapGet(place, (string key, string? node) => Silent(node) ?? Answer(() => Of(key) is { } dataset && dataset.Holders.GetValueOrDefault(node ?? Cluster.Self) is { } there ? Dataset(dataset, there) : null));
            routes.MapGet(place + "/files", (string key, string? node, string? after, int? limit)
                => Silent(node) ?? Answer(() => Of(key) is { } dataset && dataset.Holders.ContainsKey(node ?? Cluster.Self) ? Files(dataset, after, limit ?? 100) : null));
            routes.MapPut(place + "/priority", (string key, string? node, JsonElement body) => Act($"priority {body.GetProperty("priority").GetString()}", node, key, holder => holder.Priority = body.GetProperty("priority").GetString()!));
            routes.MapPut(place + "/pin", (string key, string? node) => Act("pin", node, key, holder => holder.IsPinned = true));
            routes.MapDelete(place + "/pin", (string key, string? node) => Act("unpin", node, key, holder => holder.IsPinned = false));
            routes.MapPost(place + "/verify", (string key, string? node, JsonElement body) => Act($"verify {body.GetProperty("level").GetString()}", node, key, holder => holder.State = "ready"));
            routes.MapDelete(place, (string key, string? node, bool dryRun = false) => Answer(() => Evict(key, node ?? Cluster.Self, dryRun)));
        }
        routes.MapPost("/v1/warm", (JsonElement body) => Warm(body, Cluster.Self));
        routes.MapPost("/v1/nodes/{node}/warm", (JsonElement body, string node) => Warm(body, node));
        routes.MapGet("/v1/nodes/{node}/acquisitions/{ticket}", (string node, string ticket) => Answer(() => new { Ticket = ticket, State = "done" }));
    }

    private IResult? Silent(string? node) => Cluster.Nodes.Exists(one => one.Name == node && !one.IsAlive) ? Problem(503, "nodeUnreachable", $"The node '{node}' does not answer.", "Ask again.") : null;

    private FakeDataset? Of(string key) => Cluster.Find(key);

    private IResult Answer(Func<object?> document)
    {
        lock (Cluster.Gate)
            return document() is { } known ? Results.Json(known, Json) : Problem(404, "notFound", "This node has no such dataset.", "'dscache ls' lists what it has.");
    }

    private static IResult Problem(int status, string code, string message, string advice)
        => Results.Json(new { Status = status, Code = code, Message = message, Advice = advice }, Json, "application/problem+json", status);

    private IResult Act(string name, string? node, string key, Action<FakeHolder> change)
    {
        lock (Cluster.Gate)
        {
            if (!CanOperate)
                return Problem(403, "forbidden", "Only an operator may do that.", "Log in with an operator's token.");
            node ??= Cluster.Self;
            if (Of(key)?.Holders.GetValueOrDefault(node) is not { } holder)
                return Problem(404, "notFound", $"{node} has no such dataset.", "");
            Cluster.Acts.Add($"{name} {node} {key}");
            change(holder);
            Of(key)!.Note(Cluster.Now, name.Split(' ')[0] switch { "pin" => "pinned", "unpin" => "unpinned", "priority" => "priority", _ => "verified" }, node, name.StartsWith("verify", StringComparison.Ordinal) ? "nothing wrong" : null);
            return name.StartsWith("verify", StringComparison.Ordinal) ? Results.Json(new { Ticket = "t1", State = "running" }, Json, statusCode: 202) : Results.NoContent();
        }
    }

    private object? Evict(string key, string node, bool dryRun)
    {
        if (Of(key) is not { } dataset || dataset.Holders.GetValueOrDefault(node) is not { } holder)
            return new { CacheKey = key, Outcome = "notFound", FreedBytes = 0L, Protections = Array.Empty<object>() };
        var reasons = holder.AllProtections.ToArray();
        if (reasons.Length > 0)
            return new { CacheKey = key, Outcome = "protected", FreedBytes = 0L, Protections = reasons.Select(reason => new { Kind = "lease", Reason = reason }) };
        if (!dryRun)
        {
            Cluster.Acts.Add($"evict {node} {key}");
            Cluster.Evict(dataset, node);
        }
        return new { CacheKey = key, Outcome = "evicted", FreedBytes = dataset.Bytes, Protections = Array.Empty<object>() };
    }

    private IResult Warm(JsonElement body, string node)
    {
        lock (Cluster.Gate)
        {
            var wish = body.GetProperty("dataset");
            var datasetId = wish.TryGetProperty("datasetId", out var id) ? id.GetString()! : wish.GetProperty("origin").GetString()!;
            Cluster.Acts.Add($"warm {node} {datasetId}");
            if (!Cluster.Datasets.Any(dataset => dataset.DatasetId == datasetId))
                Cluster.Add(datasetId, wish.TryGetProperty("snapshotId", out var snapshot) ? snapshot.GetString()! : "snap_new", 0, 1_500_000_000, 900);
            Cluster.Begin(datasetId, node);
            return Results.Json(new { Ticket = "t2", State = "running" }, Json, statusCode: 202);
        }
    }

    private object ClusterDocument(string? key, string? after, int limit)
    {
        var page = Cluster.Datasets.Where(dataset => key is not null ? dataset.Key == key : after is null || string.CompareOrdinal(dataset.Key, after) > 0).Take(limit + 1).ToArray();
        var working = Cluster.Datasets
            .SelectMany(dataset => dataset.Holders.Where(one => one.Value.State == "downloading").Select(one => (Node: one.Key, Dataset: dataset, Holder: one.Value)))
            .ToLookup(one => one.Node);
        return new
        {
            Cluster.Self,
            Nodes = Cluster.Nodes.Select(node => new
            {
                Node = node.Name,
                Address = $"10.0.0.{node.Number + 1}:7300",
                Status = node.IsAlive ? "Active" : "Dead",
                node.IsAlive,
                Version = "0.1.0",
                Entries = Cluster.Datasets.Count(dataset => dataset.Holders.ContainsKey(node.Name)),
                Bytes = Held(node),
                Quota = 4_000_000_000_000L,
                Used = Held(node),
                DiskFree = Math.Max(0, 7_600_000_000_000L - Held(node)),
                MemoryUsed = 310_000_000L + node.Number * 41_000_000L % 500_000_000L,
                MemoryLimit = 1_000_000_000L,
                Leases = Cluster.Datasets.Sum(dataset => dataset.Holders.GetValueOrDefault(node.Name)?.Leases ?? 0),
                UptimeSeconds = 86_400.0 * (3 + node.Number % 9),
                Rates = new { OriginBytes = node.OriginRate, PeerBytesIn = node.PeerRate, PeerBytesOut = node.PeerRate / 2, MemoryBytes = 0L },
                Working = working[node.Name].Select(one => new { CacheKey = one.Dataset.Key, Phase = "downloading", one.Holder.BytesDone, BytesTotal = one.Dataset.Bytes, BytesFromOrigin = one.Holder.BytesDone / 3 }),
            }),
            Datasets = page.Take(limit).Select(dataset => new
            {
                CacheKey = dataset.Key,
                Digest = FakeCluster.Hex(dataset.Key, 64),
                dataset.Origin,
                dataset.Prefix,
                dataset.DatasetId,
                dataset.SnapshotId,
                dataset.Bytes,
                dataset.Files,
                Holders = dataset.Holders.Select(one => new { Node = one.Key, one.Value.State, one.Value.BytesDone, one.Value.Leases, one.Value.IsPinned, one.Value.Priority, one.Value.ExpiresAt, one.Value.LastUsedAt }),
            }),
            Next = page.Length > limit ? page[limit - 1].Key : null,
        };
    }

    private long Held(FakeNode node) => Cluster.Datasets.Sum(dataset => dataset.Holders.TryGetValue(node.Name, out var holder) ? holder.BytesDone / 40 : 0);

    private object Dataset(FakeDataset dataset, FakeHolder here) => new
    {
        CacheKey = dataset.Key,
        Path = "/var/cache/dscache/snapshots/" + dataset.Key,
        dataset.Origin,
        DatasetPrefix = dataset.Prefix,
        dataset.DatasetId,
        dataset.SnapshotId,
        VersionHash = FakeCluster.Hex(dataset.DatasetId, 64),
        Selection = "auto",
        SelectionReason = "annotations.json names the files",
        ManifestDigest = FakeCluster.Hex(dataset.Key, 64),
        dataset.Files,
        dataset.Bytes,
        OwnBytes = dataset.Bytes,
        MissingCount = 0,
        PublishedAt = here.LastUsedAt.AddMinutes(-20),
        here.LastUsedAt,
        Uses = 14,
        IsLeased = here.Leases > 0,
        here.IsPinned,
        here.ExpiresAt,
        FreeableBytes = dataset.Bytes,
        here.Priority,
        State = here.State,
        Protections = here.AllProtections.Select(reason => new { Kind = "lease", Reason = reason }),
        Broken = here.State == "broken" ? "3 files fail their checks" : null,
    };

    private static object Files(FakeDataset dataset, string? after, int limit)
    {
        var paths = dataset.Paths.Count > 0 ? dataset.Paths : [.. Enumerable.Range(0, 420).Select(i => string.Create(CultureInfo.InvariantCulture, $"images/train/{i * 7919 % 99991:d12}.jpg")).Order(StringComparer.Ordinal)];
        var page = paths.Where(path => after is null || string.CompareOrdinal(path, after) > 0).Take(limit + 1).ToArray();
        return new
        {
            Files = page.Take(limit).Select(path => new { Path = path, Size = 90_000L + path.Length * 1_313L, Etag = $"\"{FakeCluster.Hex(path, 32)}\"" }),
            Next = page.Length > limit ? page[limit - 1] : null,
        };
    }

    private object Statistics(string from, string to)
    {
        var random = new Random(3);
        var days = Enumerable.Range(0, 30).Select(i => DateOnly.FromDateTime(Cluster.Now.UtcDateTime).AddDays(i - 29)).Select((day, i) =>
        {
            var (hits, misses) = (random.NextInt64(300, 900), random.NextInt64(10, 90) + (30 - i) * 3);
            return new
            {
                Day = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                Tally = new { Hits = hits, Misses = misses, BytesSaved = hits * 14_000_000_000L, BytesFromOrigin = misses * 11_000_000_000L },
            };
        });
        return new { From = from, To = to, Nodes = Cluster.Nodes.Where(node => node.IsAlive).Select(node => node.Name), Silent = Cluster.Nodes.Where(node => !node.IsAlive).Select(node => node.Name), Days = days };
    }
}
