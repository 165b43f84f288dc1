using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

internal static class Commands
{
    /// <summary>Seconds from its start to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<double> TimeAsync(ProcessStartInfo command, Action<int>? started = null)
    {
        var start = Stopwatch.GetTimestamp();
        await Ground.OutputAsync(command, started);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>One on each node, from 1, at once.</summary>
    public static Task<double[]> TimeAllAsync(IEnumerable<ProcessStartInfo> commands, Meter meter)
        => Task.WhenAll(commands.Select((command, i) => TimeAsync(command, process => meter.Watch(process, i + 1))));

    /// <summary>Deletes a folder that has all of a dataset.</summary>
    /// <exception cref="InvalidOperationException">It has not.</exception>
    public static void Remove(string folder, MadeDataset dataset)
    {
        if (Directory.EnumerateFiles(folder, "*.bin", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length) != dataset.Bytes)
            throw new InvalidOperationException($"{folder} has not all of {dataset.Id}.");
        Directory.Delete(folder, recursive: true);
    }
}
