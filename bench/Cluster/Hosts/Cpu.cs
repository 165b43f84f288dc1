using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>How much of the machine's processors was idle, by <c>/proc/stat</c>: a network of namespaces is only as good as the processor that plays it.</summary>
internal sealed class Cpu
{
    /// <summary>A run below it says nothing of links.</summary>
    public const double LeastIdle = 0.15;

    private readonly (double Idle, double All) before = Read();

    public double Idle()
    {
        var now = Read();
        return (now.Idle - before.Idle) / Math.Max(1, now.All - before.All);
    }

    private static (double Idle, double All) Read()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(field => double.Parse(field, CultureInfo.InvariantCulture)).ToArray();
        // The fourth and fifth: idle, and idle that waits for a disk.
        return (fields[3] + fields[4], fields.Sum());
    }
}
