using System.Globalization;
using DatasetCache.Telemetry;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DatasetCache.Http.Health;

/// <summary>Whether the disk has as much free as must stay free. Below that a miss cannot be taken in before something was evicted.</summary>
internal sealed class DiskFloorCheck(string root, CacheTelemetry telemetry) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (telemetry.Space is not { } space)
            return Task.FromResult(HealthCheckResult.Unhealthy("The disk has not been looked at yet."));
        // One system call: what others write in ten seconds may be the whole disk.
        var free = new DriveInfo(root).AvailableFreeSpace;
        return Task.FromResult(free >= space.MinFree
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy(string.Create(CultureInfo.InvariantCulture, $"{free:N0} bytes are free, and {space.MinFree:N0} must stay free (cache.minFree).")));
    }
}
