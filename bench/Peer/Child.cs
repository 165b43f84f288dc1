using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Peer;

/// <summary>Another process of this program, that answers line by line.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process process;

    private Child(Process process) => this.process = process;

    public static Child Start(params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!);

    public string Line() => process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A process of the benchmark ended early.");

    /// <summary>Lets it do something while <paramref name="sender"/> sends.</summary>
    public (double Wall, double Received, double Sent) Timed(string command, Child sender)
    {
        var before = sender.Cpu();
        process.StandardInput.WriteLine(command);
        var numbers = Line().Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return (numbers[0], numbers[1], sender.Cpu() - before);
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private double Cpu()
    {
        process.StandardInput.WriteLine();
        return double.Parse(Line(), CultureInfo.InvariantCulture);
    }
}
