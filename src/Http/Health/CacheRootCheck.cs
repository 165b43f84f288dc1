using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DatasetCache.Http.Health;

/// <summary>Whether the cache root takes a byte: not read-only, not full, not hanging.</summary>
internal sealed class CacheRootCheck(string root, TimeProvider time) : IHealthCheck
{
    public const string FileName = ".health";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly Lock gate = new();
    private Task writing = Task.CompletedTask;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Task mine;
        lock (gate)
        {
            // A disk that hangs holds one thread and not one for each who asks.
            if (writing.IsCompleted)
                writing = Task.Run(Write, CancellationToken.None);
            mine = writing;
        }
        try
        {
            await mine.WaitAsync(Patience, time, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (TimeoutException)
        {
            return HealthCheckResult.Unhealthy($"{root} has not taken a byte for {Patience.TotalSeconds:0} s.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return HealthCheckResult.Unhealthy($"{root} cannot be written: {e.Message}");
        }
    }

    private void Write()
    {
        var path = Path.Join(root, FileName);
        File.WriteAllBytes(path, "x"u8);
        File.Delete(path);
    }
}
