using System.Diagnostics.Metrics;
using System.Reflection;
using DatasetCache.Http.Access;
using DatasetCache.Http.Serving;
using DatasetCache.Reading;
using DatasetCache.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DatasetCache.Http.Metrics;

/// <summary>A node's metrics and traces, from its start to its end.</summary>
internal sealed class NodeTelemetry : IDisposable
{
    // Of ASP.NET's instruments the one that says how the API does, by route. A route that must not pay for it says DisableHttpMetrics.
    private const string RequestDuration = "http.server.request.duration";

    private readonly MetricCollector collector;
    private readonly OtlpExport? export;

    private NodeTelemetry(WebApplication app, NodeParts parts, TimeProvider time)
    {
        Version = typeof(NodeTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
        Reads = () => parts.Reads;
        Cache = new CacheTelemetry(parts.Cache, time, new CacheTelemetrySources
        {
            Version = Version,
            Leases = () => parts.Service.Leases,
            FromDisk = () => Reads().BytesFromDisk,
            FromMemory = () => Reads().BytesFromMemory,
        });
        parts.Cache.Totals.FromMemory = () => Reads().BytesFromMemory;
        _ = new FileReadInstruments(Cache.Meter, Reads);
        _ = new ProcessInstruments(Cache.Meter, Version);
        var ofApp = app.Services.GetService<IMeterFactory>();
        collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter, Cache.Meter)
            || (string.Equals(instrument.Name, RequestDuration, StringComparison.Ordinal) && ofApp is not null && ReferenceEquals(instrument.Meter.Scope, ofApp)));
        export = OtlpExport.Start(app.Configuration, parts.Service.Node, Version);
    }

    public string Version { get; }

    public CacheTelemetry Cache { get; }

    /// <summary>How reads of single files were answered.</summary>
    public Func<ReadCounts> Reads { get; }

    /// <summary>Whether metrics and traces are sent anywhere.</summary>
    public bool Exports => export is not null;

    /// <summary>Begins to count; ends with the application.</summary>
    public static NodeTelemetry Begin(WebApplication app, NodeParts parts)
    {
        var telemetry = new NodeTelemetry(app, parts, app.Services.GetService<TimeProvider>() ?? TimeProvider.System);
        app.Lifetime.ApplicationStopped.Register(telemetry.Dispose);
        return telemetry;
    }

    /// <summary><c>GET /metrics</c>.</summary>
    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/metrics", AnswerAsync).DisableHttpMetrics().RequireRole(Role.Reader);

    private async Task AnswerAsync(HttpContext context)
    {
        var openMetrics = context.Request.Headers.Accept.ToString().Contains(PrometheusText.OpenMetricsType, StringComparison.OrdinalIgnoreCase);
        context.Response.ContentType = openMetrics ? PrometheusText.OpenMetricsContentType : PrometheusText.ContentType;
        collector.Write(context.Response.BodyWriter, openMetrics);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    public void Dispose()
    {
        export?.Dispose();
        collector.Dispose();
        Cache.Dispose();
    }
}
