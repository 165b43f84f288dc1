using System.Globalization;
using System.Net;

namespace DatasetCache.Silo.Tests;

/// <summary>A bridge on this host with a network namespace per node behind it. Needs root.</summary>
internal sealed class TestNetwork : IAsyncDisposable
{
    private readonly string id = Guid.NewGuid().ToString("n")[..6];
    private readonly int subnet = Random.Shared.Next(1, 250);
    private readonly List<string> namespaces = [];

    private string Bridge => $"dsc{id}";

    /// <summary>This process's own address in it.</summary>
    public IPAddress Host => IPAddress.Parse(AddressOf(0));

    public string Network => string.Create(CultureInfo.InvariantCulture, $"10.211.{subnet}.0/24");

    public string NamespaceOf(int node) => $"dscache-test-{id}-{node}";

    public string AddressOf(int node) => string.Create(CultureInfo.InvariantCulture, $"10.211.{subnet}.{node + 1}");

    public static async Task<TestNetwork> CreateAsync(int nodes)
    {
        var network = new TestNetwork();
        Leftovers.Note($"link {network.Bridge}");
        try
        {
            await NetworkNamespaces.RunAsync($"ip link add {network.Bridge} type bridge && ip addr add {network.Host}/24 dev {network.Bridge} && ip link set {network.Bridge} up");
            for (var node = 1; node <= nodes; node++)
                await network.AddAsync(node);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Drops what this node is sent by another (0: this process).</summary>
    public Task CutAsync(int node, int from) => InAsync(node, $"iptables -I INPUT -s {AddressOf(from)} -j DROP");

    /// <summary>Takes the node's link down.</summary>
    public Task UnplugAsync(int node) => NetworkNamespaces.RunAsync($"ip link set {Outside(node)} down");

    public Task PlugAsync(int node) => NetworkNamespaces.RunAsync($"ip link set {Outside(node)} up");

    /// <summary>Takes back all that <see cref="CutAsync"/> and <see cref="LoseAsync"/> did.</summary>
    public Task MendAsync(int node) => InAsync(node, "iptables -F && { tc qdisc del dev eth0 root 2>/dev/null || true; }");

    /// <summary>A bad line: of what the node is sent so much gets lost, and it sends and is sent no faster than the rate.</summary>
    public async Task SpoilAsync(int node, double loss, string rate)
    {
        var lose = string.Create(CultureInfo.InvariantCulture, $"-m statistic --mode random --probability {loss} -j DROP");
        await InAsync(node, $"iptables -A INPUT -i eth0 {lose} && tc qdisc add dev eth0 root tbf rate {rate} burst 16kb latency 200ms");
        await NetworkNamespaces.RunAsync($"tc qdisc add dev {Outside(node)} root tbf rate {rate} burst 16kb latency 200ms");
    }

    /// <summary>How many packets the node's rules have dropped: a fault that never struck proves nothing.</summary>
    public async Task<long> DroppedAsync(int node)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("ip", ["netns", "exec", NamespaceOf(node), "iptables", "-L", "-v", "-n", "-x"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return said.Split('\n').Where(line => line.Contains(" DROP ", StringComparison.Ordinal) && !line.StartsWith("Chain", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in namespaces)
            await NetworkNamespaces.RunAsync($"ip netns delete {name}");
        await NetworkNamespaces.RunAsync($"ip link delete {Bridge} 2>/dev/null || true");
    }

    private string Outside(int node) => $"v{id}-{node}";

    private Task InAsync(int node, string command) => NetworkNamespaces.RunAsync($"ip netns exec {NamespaceOf(node)} bash -c '{command}'");

    private async Task AddAsync(int node)
    {
        var name = NamespaceOf(node);
        Leftovers.Note($"netns {name}");
        await NetworkNamespaces.RunAsync($"ip netns add {name}");
        namespaces.Add(name);
        await NetworkNamespaces.RunAsync($"ip link add {Outside(node)} type veth peer name eth0 netns {name} && ip link set {Outside(node)} master {Bridge} up "
            + $"&& ip -n {name} addr add {AddressOf(node)}/24 dev eth0 && ip -n {name} link set eth0 up && ip -n {name} link set lo up");
    }
}
