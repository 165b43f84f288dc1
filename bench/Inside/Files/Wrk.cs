using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Files;

/// <param name="Token">Goes into a file that only this user reads, not among a process' arguments.</param>
/// <param name="Processes">Those that serve, to count their CPU time.</param>
internal sealed record Target(string Url, string? Token, IReadOnlyList<int> Processes)
{
    // What /proc counts CPU time in.
    private const double TicksPerSecond = 100;

    public double Cpu() => Processes.Sum(id =>
    {
        // User and system time, counted behind the name.
        var fields = File.ReadAllText($"/proc/{id}/stat").Split(") ")[1].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    });
}

internal sealed record Rate(double Requests, double BytesPerSecond, double CpuPerGigabyte);

/// <summary>Asks for files in turn on connections that stay.</summary>
internal static class Wrk
{
    public static async Task<Rate> RunAsync(Target target, string[] paths, int connections, int seconds)
    {
        var script = Path.GetTempFileName();
        try
        {
            var at = new Uri(target.Url);
            await File.WriteAllTextAsync(script, $$"""
                local paths = { {{string.Join(',', paths.Select(path => $"\"{at.AbsolutePath.TrimEnd('/')}{path}\""))}} }
                local headers = { {{(target.Token is null ? "" : $"[\"Authorization\"] = \"Bearer {target.Token}\"")}} }
                local at = 0
                function request()
                  at = at % #paths + 1
                  return wrk.format("GET", paths[at], headers)
                end
                function done(summary, latency, requests)
                  print(string.format("RESULT %d %d %d %d", summary.requests, summary.bytes, summary.duration, summary.errors.status + summary.errors.read + summary.errors.write))
                end
                """);
            var before = target.Cpu();
            using var wrk = Process.Start(new ProcessStartInfo("wrk", ["-t2", $"-c{connections}", $"-d{seconds}s", "--timeout", "30s", "-s", script, at.GetLeftPart(UriPartial.Authority)]) { RedirectStandardOutput = true, UseShellExecute = false })!;
            var text = await wrk.StandardOutput.ReadToEndAsync();
            await wrk.WaitForExitAsync();
            var cpu = target.Cpu() - before;
            var result = Array.Find(text.Split('\n'), line => line.StartsWith("RESULT ", StringComparison.Ordinal))?.Split(' ');
            if (result is not [_, var requests, var bytes, var micros, "0"])
                throw new InvalidOperationException("wrk: " + text);
            var took = Number(micros) / 1e6;
            return new Rate(Number(requests) / took, Number(bytes) / took, cpu / (Number(bytes) / 1e9));

            static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
        }
        finally
        {
            File.Delete(script);
        }
    }
}
