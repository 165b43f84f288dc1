using DatasetCache.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DatasetCache.Http.Metrics;

/// <summary>Sends metrics and traces to where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says; the other variables of OpenTelemetry mean what they always do.</summary>
internal sealed class OtlpExport : IDisposable
{
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // A collector that does not answer must not hold up a node that stops.
    private const int MostMillisecondsAtEnd = 1000;

    private readonly MeterProvider? metrics;
    private readonly TracerProvider? traces;

    private OtlpExport(IConfiguration configuration, string node, string version)
    {
        metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(Describe)
            .AddMeter(CacheTelemetry.MeterName)
            .AddOtlpExporter()
            .Build();
        traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(Describe)
            .AddSource(CacheActivities.SourceName)
            .AddOtlpExporter()
            .Build();

        // Before what the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), so that that wins.
        void Describe(ResourceBuilder resource) => resource.Clear().AddService("dscache", serviceVersion: version, serviceInstanceId: node).AddTelemetrySdk().AddEnvironmentVariableDetector();
    }

    /// <summary>Null where no endpoint is set: then nothing of OpenTelemetry is loaded.</summary>
    public static OtlpExport? Start(IConfiguration configuration, string node, string version)
        => string.IsNullOrEmpty(configuration[Endpoint]) ? null : new OtlpExport(configuration, node, version);

    public void Dispose()
    {
        metrics?.Shutdown(MostMillisecondsAtEnd);
        traces?.Shutdown(MostMillisecondsAtEnd);
        metrics?.Dispose();
        traces?.Dispose();
    }
}
