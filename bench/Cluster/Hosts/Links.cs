using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>What really goes through the links, by iperf3.</summary>
/// <param name="FromOrigin">Bytes a second from the servers' host to a node.</param>
/// <param name="BetweenNodes">The slower of two nodes' two directions, one at a time.</param>
/// <param name="BothAtOnce">The same while the other direction is used as well.</param>
internal sealed record Links(double FromOrigin, double BetweenNodes, double BothAtOnce)
{
    private const int Seconds = 3;

    /// <summary>What every byte must cross: out of the origin, and into each node.</summary>
    public double Narrowest => Math.Min(FromOrigin, BetweenNodes);

    public static async Task<Links> MeasureAsync(Ground ground)
    {
        var fromOrigin = await RunAsync(ground, 0, 1);
        var there = await RunAsync(ground, 1, 2);
        var back = await RunAsync(ground, 2, 1);
        var both = await RunAsync(ground, 1, 2, "--bidir");
        var links = new Links(fromOrigin, Math.Min(there, back), both);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"iperf3, Mbit/s of goodput: origin to node {Megabits(fromOrigin)}, node to node {Megabits(there)}, back {Megabits(back)}, both at once {Megabits(both)}"));
        return links;
    }

    private static string Megabits(double bytes) => (bytes * 8 / 1e6).ToString("0.0", CultureInfo.InvariantCulture);

    private static async Task<double> RunAsync(Ground ground, int from, int to, params string[] more)
    {
        var (server, client) = (await ground.OnAsync(to, "iperf3", "-s", "-1", "--forceflush"), await ground.OnAsync(from, ["iperf3", "-c", Ground.AddressOf(to), "-J", "-t", Seconds.ToString(CultureInfo.InvariantCulture), "-O", "1", .. more]));
        server.RedirectStandardOutput = true;
        using var listening = Process.Start(server)!;
        while (await listening.StandardOutput.ReadLineAsync() is { } line && !line.Contains("listening", StringComparison.Ordinal))
        {
            // Until it does.
        }
        var rest = listening.StandardOutput.ReadToEndAsync();
        using var result = JsonDocument.Parse(await Ground.OutputAsync(client));
        await rest;
        await listening.WaitForExitAsync();
        var end = result.RootElement.GetProperty("end");
        var rates = new[] { "sum_received", "sum_received_bidir_reverse" }.Where(name => end.TryGetProperty(name, out _)).Select(name => end.GetProperty(name).GetProperty("bits_per_second").GetDouble() / 8);
        return rates.Min();
    }
}
