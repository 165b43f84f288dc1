using System.Diagnostics;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.OneHost;

/// <summary>What one run of a program cost.</summary>
/// <param name="Wall">Seconds from start to end.</param>
/// <param name="Cpu">Seconds of user and system time, its children included.</param>
/// <param name="PeakRss">The most resident bytes: of the process itself by the kernel's high-water mark, or with its children's at one moment, sampled every 10 ms.</param>
/// <param name="Output">What it said on stdout.</param>
public sealed record Measured(double Wall, double Cpu, long PeakRss, string Output)
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
        var cpuBefore = ProcessTree.CpuOfEndedChildren();
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
                peak = Math.Max(peak, Math.Max(ProcessTree.HighWater(process.Id), ProcessTree.Resident(process.Id)));
                if (clock.Elapsed > Patience)
                    process.Kill(entireProcessTree: true);
            }
        }
        await ended;
        var wall = clock.Elapsed.TotalSeconds;
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{command.Program} {string.Join(' ', command.Arguments)} ended with {process.ExitCode}:\n{await errors}{await output}");
        return new Measured(wall, ProcessTree.CpuOfEndedChildren() - cpuBefore, peak, await output);
    }
}
