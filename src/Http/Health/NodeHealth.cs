using System.Text.Json;
using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Metrics;
using DatasetCache.Http.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Health;

/// <summary>
/// How a node is. <c>/health/live</c>, <c>/health/ready</c> and <c>/health/startup</c> are for probes that have no credential and say one word; <c>/health</c> is for people and
/// says all. None of them depends on the origin or on other nodes: a node that serves what it has is not to be restarted because something else is down.
/// </summary>
internal sealed class NodeHealth
{
    private const string Ready = "ready", Startup = "startup";

    // Anybody may ask: what touches the disk does so once a second at most.
    private static readonly TimeSpan GoodFor = TimeSpan.FromSeconds(1);

    private readonly NodeParts parts;
    private readonly NodeTelemetry telemetry;
    private readonly TimeProvider time;
    private readonly HealthCheckService checks;
    private readonly long started;
    private volatile Known? known;

    private NodeHealth(WebApplication app, NodeParts parts, NodeTelemetry telemetry)
    {
        this.parts = parts;
        this.telemetry = telemetry;
        time = app.Services.GetService<TimeProvider>() ?? TimeProvider.System;
        started = time.GetTimestamp();
        var root = parts.Cache.Room.Path;
        // Services of its own: whoever puts a node together need not know of them.
        var services = new ServiceCollection().AddSingleton(app.Services.GetRequiredService<ILoggerFactory>()).AddLogging();
        services.AddHealthChecks()
            .Add(new HealthCheckRegistration("recount", _ => new RecountCheck(telemetry.Cache), failureStatus: null, [Startup, Ready]))
            .Add(new HealthCheckRegistration("disk_floor", new DiskFloorCheck(root, telemetry.Cache), failureStatus: null, [Ready]))
            .Add(new HealthCheckRegistration("cache_root", new CacheRootCheck(root, time), failureStatus: null, [Ready]));
        var provider = services.BuildServiceProvider();
        checks = provider.GetRequiredService<HealthCheckService>();
        app.Lifetime.ApplicationStopped.Register(provider.Dispose);
    }

    /// <summary>Answers probes from now on, before whatever checks who asks.</summary>
    public static NodeHealth Use(WebApplication app, NodeParts parts, NodeTelemetry telemetry)
    {
        var health = new NodeHealth(app, parts, telemetry);
        app.Use(next => context => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            ? context.Request.Path.Value switch
            {
                "/health/live" => WriteAsync(context, HealthStatus.Healthy),
                "/health/ready" => health.ProbeAsync(context, Ready),
                "/health/startup" => health.ProbeAsync(context, Startup),
                _ => next(context),
            }
            : next(context));
        return health;
    }

    /// <summary><c>GET /health</c>.</summary>
    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/health", AnswerAsync).RequireRole(Role.Reader);

    private async Task ProbeAsync(HttpContext context, string tag)
    {
        var report = await ReportAsync();
        await WriteAsync(context, report.Entries.Values.Where(entry => entry.Tags.Contains(tag, StringComparer.Ordinal)).Select(entry => entry.Status).Append(HealthStatus.Healthy).Min());
    }

    private static async Task WriteAsync(HttpContext context, HealthStatus status)
    {
        context.Response.StatusCode = status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        context.Response.ContentType = "text/plain";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(status.ToString(), context.RequestAborted);
    }

    private async Task<HealthReport> ReportAsync()
    {
        if (known is { } last && time.GetElapsedTime(last.At) < GoodFor)
            return await last.Report;
        // Two who come at once may both ask; the checks themselves bear it.
        var now = new Known(checks.CheckHealthAsync(CancellationToken.None), time.GetTimestamp());
        known = now;
        return await now.Report;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var report = await ReportAsync();
        var (acquired, read, space) = (telemetry.Cache.Acquisitions, telemetry.Reads(), telemetry.Cache.Space);
        var (entries, _, charged) = parts.Cache.Held;
        var (missed, fetched, given, failed) = (acquired.Misses.Value, acquired.OriginMisses.Value, acquired.PeerMisses.Value, acquired.Failures.Total);
        // A miss that moved nothing was put together from what is on this host.
        var disk = acquired.Hits.Value + Math.Max(0, missed - fetched - given) + read.DiskHits;
        var (origin, peers) = (fetched + read.OriginReads, given + read.PeerHits);
        context.Response.Headers.CacheControl = "no-store";
        await NodeApi.WriteAsync(context, report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK, new HealthDocument
        {
            Status = JsonNamingPolicy.CamelCase.ConvertName(report.Status.ToString()),
            Node = parts.Service.Node,
            Version = telemetry.Version,
            UptimeSeconds = Math.Round(time.GetElapsedTime(started).TotalSeconds, 1),
            L1Hits = read.MemoryHits,
            L2Hits = disk,
            L3Hits = origin,
            PeerHits = peers,
            Evictions = telemetry.Cache.Store.Evictions.Total,
            StampedePrevented = acquired.Joined.Value + read.StampedePrevented,
            TotalRequests = read.MemoryHits + disk + origin + peers + failed,
            FailedRequests = failed,
            L1HitRate = Rate(read.MemoryHits, read.MemoryHits + read.MemoryMisses),
            L2HitRate = Rate(disk, disk + origin + peers),
            L1SizeBytes = read.MemoryUsed,
            L1LimitBytes = read.MemoryLimit,
            L2SizeBytes = charged + (space is null ? 0 : space.Reserved + space.Quarantined),
            L2LimitBytes = space?.Quota,
            DiskFreeBytes = space?.DiskFree,
            DiskFloorBytes = space?.MinFree,
            Entries = entries,
            Leases = parts.Service.Leases,
            Features = new HealthFeatures(read.MemoryLimit > 0, parts.Cluster is not LocalClusterView, StampedePrevention: true, AdaptiveTtl: true, IntegrityScrub: true, Leases: true, Prometheus: true, telemetry.Exports),
            Problems = report.Entries.Where(entry => entry.Value.Status != HealthStatus.Healthy)
                .ToDictionary(entry => entry.Key, entry => entry.Value.Description ?? entry.Value.Status.ToString(), StringComparer.Ordinal),
        }, HealthJson.Default.HealthDocument);
    }

    private static double Rate(long part, long whole) => whole == 0 ? 0 : Math.Round((double)part / whole, 4);

    private sealed record Known(Task<HealthReport> Report, long At);
}
