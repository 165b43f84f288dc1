using DatasetCache.Telemetry;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DatasetCache.Http.Health;

/// <summary>Whether the entries on disk have been counted since the node began. Until then it does not know how full it is.</summary>
internal sealed class RecountCheck(CacheTelemetry telemetry) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        => Task.FromResult(telemetry.Space is null ? HealthCheckResult.Unhealthy("The entries on disk are being counted.") : HealthCheckResult.Healthy());
}
