using System.Collections.Concurrent;
using DatasetCache.Bench.Costs;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>What one way of copying takes of the machine, from its making to <see cref="StopAsync"/>. The origin and the database, which all ways share, are not in it.</summary>
internal sealed class Meter : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<int, int> hosts = new();
    private readonly Dictionary<int, double> daemons = [];
    private readonly Dictionary<int, long> peaks = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Cpu machine = new();
    private readonly double before = ProcessTree.CpuOfEndedChildren();
    private readonly Task sampling;

    /// <param name="daemons">Processes that ran before and go on running, each with its host: what they take meanwhile counts.</param>
    public Meter(params IEnumerable<(int Process, int Host)> daemons)
    {
        foreach (var (process, host) in daemons)
        {
            this.daemons[process] = ProcessTree.Cpu(process);
            Watch(process, host);
        }
        sampling = Task.Run(SampleAsync);
    }

    /// <summary>Seconds of user and system time.</summary>
    public double CpuSeconds { get; private set; }

    /// <summary>The share of the machine's processors that nobody used.</summary>
    public double Idle { get; private set; }

    /// <summary>The most bytes resident at one moment of all processes of one host, of the host with the most.</summary>
    public long PeakOfHost => peaks.Count == 0 ? 0 : peaks.Values.Max();

    /// <summary>A process of a host, with what it starts.</summary>
    public void Watch(int process, int host) => hosts[process] = host;

    /// <summary>Once all that was started has ended: only then does the kernel say what it took.</summary>
    public async Task StopAsync()
    {
        Idle = machine.Idle();
        CpuSeconds = ProcessTree.CpuOfEndedChildren() - before + daemons.Sum(daemon => ProcessTree.Cpu(daemon.Key) - daemon.Value);
        await stop.CancelAsync();
        await sampling;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await sampling;
        stop.Dispose();
    }

    private async Task SampleAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (var host in hosts.GroupBy(pair => pair.Value, pair => pair.Key))
                peaks[host.Key] = Math.Max(peaks.GetValueOrDefault(host.Key), host.Sum(ProcessTree.Resident));
            await Task.Delay(Every, CancellationToken.None);
        }
    }
}
