using System.Diagnostics;
using System.Globalization;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>
/// BitTorrent by aria2: the torrent is made and the origin's host seeds it before anybody asks, so that the first byte of each piece leaves over the origin's link; a node that has all goes on
/// seeding until all have it. The tracker is the counting origin.
/// </summary>
internal sealed class Swarm(Ground ground) : IRival, IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);
    private Process? seeder;

    public string Name => "BitTorrent (aria2), seeded";

    private string Seeds => Path.Combine(ground.Folder, "seeds");

    private string Torrent => Path.Combine(ground.Folder, "torrent");

    public async Task PrepareAsync(MadeDataset dataset)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Seeds, dataset.Id)).FullName;
        var content = new MadeContent();
        for (var file = 0; file < dataset.Files; file++)
            await content.WriteAsync(dataset.Key(file), dataset.FileSize, Path.Combine(folder, Path.GetFileName(dataset.Key(file))));
        File.Delete(Torrent);
        // Some hundreds of pieces, as a swarm likes them: 2^18 bytes each, more for what is larger than 256 MiB.
        var power = Math.Max(18, (int)Math.Ceiling(Math.Log2(dataset.Bytes / 1024.0)));
        await Ground.OutputAsync(new ProcessStartInfo("mktorrent", ["-l", power.ToString(CultureInfo.InvariantCulture), "-a", $"{Ground.OriginEndpoint}/{CountingOrigin.Tracker}", "-o", Torrent, folder]));
        var before = await AnnouncedAsync();
        seeder = Process.Start(Quiet(await AriaAsync(0, Seeds, "--bt-seed-unverified=true")))!;
        while (await AnnouncedAsync() == before)
        {
            if (seeder.HasExited)
                throw new InvalidOperationException("The seeding aria2 ended.");
            await Task.Delay(Look);
        }
    }

    public async Task<double[]> CopyAsync(MadeDataset dataset, int nodes, Meter meter)
    {
        var commands = new List<ProcessStartInfo>();
        for (var node = 1; node <= nodes; node++)
        {
            var hook = Path.Combine(ground.Folder, $"node{node}", "swarm-done.sh");
            File.Delete(DoneOf(node));
            await File.WriteAllTextAsync(hook, $"#!/bin/sh\n: >{DoneOf(node)}\n");
            File.SetUnixFileMode(hook, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            commands.Add(Quiet(await AriaAsync(node, Directory.CreateDirectory(FolderOf(node)).FullName, "--on-bt-download-complete=" + hook)));
        }
        var started = Stopwatch.GetTimestamp();
        var processes = commands.ConvertAll(command => Process.Start(command)!);
        var times = new double[nodes];
        for (var i = 0; i < nodes; i++)
            meter.Watch(processes[i].Id, i + 1);
        meter.Watch(seeder!.Id, 0);
        while (Array.Exists(times, time => time == 0))
        {
            for (var i = 0; i < nodes; i++)
            {
                if (times[i] == 0 && File.Exists(DoneOf(i + 1)))
                    times[i] = Stopwatch.GetElapsedTime(started).TotalSeconds;
            }
            if (Stopwatch.GetElapsedTime(started) > Patience || processes.Exists(process => process.HasExited))
            {
                EndAll(processes);
                throw new InvalidOperationException("An aria2 ended or was not done after 15 minutes.");
            }
            await Task.Delay(Look);
        }
        EndAll(processes);
        return times;
    }

    public Task ClearAsync(MadeDataset dataset, int nodes)
    {
        for (var node = 1; node <= nodes; node++)
            Commands.Remove(FolderOf(node), dataset);
        Directory.Delete(Seeds, recursive: true);
        return Task.CompletedTask;
    }

    public void Dispose() => EndAll([]);

    private void EndAll(List<Process> processes)
    {
        if (seeder is not null)
            processes.Add(seeder);
        seeder = null;
        foreach (var process in processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }

    private string FolderOf(int node) => Path.Combine(ground.Folder, $"node{node}", "swarm");

    private string DoneOf(int node) => Path.Combine(ground.Folder, $"node{node}", "swarm-done");

    private async Task<int> AnnouncedAsync() => int.Parse(await ground.OriginLog.GetStringAsync("/_bench/announced"), CultureInfo.InvariantCulture);

    private Task<ProcessStartInfo> AriaAsync(int host, string folder, string more) => ground.OnAsync(host, "aria2c", "--no-conf", "--quiet", "--dir=" + folder, "--seed-ratio=0.0", "--listen-port=6881-6881",
        "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--bt-max-peers=0", "--bt-request-peer-speed-limit=1000M", "--bt-min-crypto-level=plain", "--bt-require-crypto=false",
        "--file-allocation=none", "--bt-max-open-files=1000", "--disk-cache=32M", "--summary-interval=0", more, Torrent);

    private static ProcessStartInfo Quiet(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        return start;
    }
}
