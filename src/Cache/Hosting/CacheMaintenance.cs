using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Hosting;

/// <summary>Runs <see cref="LocalDatasetCache.MaintainAsync(CancellationToken)"/> beside whatever else the host does.</summary>
internal sealed class CacheMaintenance(LocalDatasetCache cache, ILogger<LocalDatasetCache> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await cache.MaintainAsync(options: null, new Rounds(logger), stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops: the only way out.
        }
    }

    private sealed class Rounds(ILogger logger) : IProgress<MaintenanceRound>
    {
        public void Report(MaintenanceRound value)
        {
            if (value.Failure is { } failure)
                CacheLog.MaintenanceFailed(logger, failure.Advice, failure);
            if (value.Evicted > 0)
                CacheLog.KeptWithin(logger, value.Evicted);
        }
    }
}
