using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>What a node has, through its HTTP API and through its gateway: by a process in the node's own network namespace.</summary>
internal sealed class Warm(Ground ground, Verdict verdict)
{
    private const int Calls = 2000;

    public async Task RunAsync()
    {
        await ground.LinksAsync(nodes: null, servers: null);
        Console.WriteLine($"warm, through node 1 of {ground.Nodes}, {Calls} calls");
        var command = await ground.OnAsync(1, Environment.ProcessPath!, "asks", ground.RootOf(1), "127.0.0.1:30001", Calls.ToString(System.Globalization.CultureInfo.InvariantCulture));
        using var process = Process.Start(command)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            verdict.Fail();
        await ground.ClearAsync(1);
    }
}
