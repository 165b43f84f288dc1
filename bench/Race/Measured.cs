using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DatasetCache.Bench.Race;

/// <summary>What one run of a program cost.</summary>
/// <param name="Wall">Seconds from start to end.</param>
/// <param name="Cpu">Seconds of user and system time, its children included.</param>
/// <param name="PeakRss">The most resident bytes of the process itself, sampled every 10 ms from the kernel's high-water mark.</param>
/// <param name="Output">What it said on stdout.</param>
public sealed partial record Measured(double Wall, double Cpu, long PeakRss, string Output)
{
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Runs a command to its end, alone: CPU time is that of all children of this process meanwhile.</summary>
    public static async Task<Measured> RunAsync(Command command)
    {
        var start = new ProcessStartInfo(command.Program, command.Arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in command.Environment)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }
        var cpuBefore = ChildrenCpu();
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        var ended = process.WaitForExitAsync();
        var peak = 0L;
        using (var timer = new PeriodicTimer(SampleEvery))
        {
            while (await Task.WhenAny(ended, timer.WaitForNextTickAsync().AsTask()) != ended)
            {
                peak = Math.Max(peak, HighWater(process.Id));
                if (clock.Elapsed > Patience)
                    process.Kill(entireProcessTree: true);
            }
        }
        await ended;
        var wall = clock.Elapsed.TotalSeconds;
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{command.Program} {string.Join(' ', command.Arguments)} ended with {process.ExitCode}:\n{await errors}{await output}");
        return new Measured(wall, ChildrenCpu() - cpuBefore, peak, await output);
    }

    private static long HighWater(int id)
    {
        try
        {
            foreach (var line in File.ReadLines($"/proc/{id}/status"))
            {
                if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                    return long.Parse(line.AsSpan(6).Trim().TrimEnd("kB").Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024;
            }
        }
        catch (IOException)
        {
            // It has just ended.
        }
        return 0;
    }

    private static double ChildrenCpu()
    {
        const int Children = -1;
        return GetRUsage(Children, out var usage) == 0
            ? usage.UserSeconds + usage.SystemSeconds + ((usage.UserMicroseconds + usage.SystemMicroseconds) / 1e6)
            : throw new InvalidOperationException("getrusage failed.");
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetRUsage(int who, out Usage usage);

    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct Usage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
    }
}
