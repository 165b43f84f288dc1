using System.Diagnostics;

namespace DatasetCache.Bench.Cluster.Rivals;

internal static class Commands
{
    /// <summary>Seconds from its start to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<double> TimeAsync(ProcessStartInfo command)
    {
        var started = Stopwatch.GetTimestamp();
        await Hosts.Ground.OutputAsync(command);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
