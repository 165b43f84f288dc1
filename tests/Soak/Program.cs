using System.Globalization;
using DatasetCache.Silo.Tests;
using DatasetCache.Soak;
using DatasetCache.Testing;
using DatasetCache.Testing.Faults;

// soak [--minutes 30] [--seed N] [--nodes 8]
const long DiskBytes = 64 << 20;
var given = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1], StringComparer.Ordinal);
double Number(string name, double otherwise) => given.TryGetValue(name, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
if (args.Length % 2 != 0 || given.Keys.Except(["--minutes", "--seed", "--nodes"]).Any())
{
    Console.Error.WriteLine("usage: soak [--minutes 30] [--seed N] [--nodes 8]");
    return 64;
}
var (minutes, seed, count) = (Number("--minutes", 30), (int)Number("--seed", Random.Shared.Next()), (int)Number("--nodes", 8));
// Each disk could hold a third of them.
var datasets = (int)(3 * DiskBytes / SoakOrigin.BytesOfOne);
var how = string.Create(CultureInfo.InvariantCulture, $"--minutes {minutes} --seed {seed} --nodes {count}");
Console.WriteLine($"soak: {how}; {datasets} datasets of {SoakOrigin.BytesOfOne} bytes, disks of {DiskBytes}");
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, signal) =>
{
    signal.Cancel = true;
    stop.Cancel();
};
var log = new SoakLog();
await using var origin = await SoakOrigin.StartAsync(Math.Max(datasets, 2 * count));
var database = await PostgresServer.ConnectionStringAsync();
var nodes = new List<SoakNode>();
var surroundings = new FaultCase(0, "soak");
try
{
    for (var i = 1; i <= count; i++)
    {
        if (await LoopDisk.TryCreateAsync(DiskBytes) is not { } disk)
        {
            Console.WriteLine("soak: skipped: needs root, mkfs.ext4 and loop devices");
            return 0;
        }
        nodes.Add(new SoakNode($"n{i}", disk, origin, database, $"soak-{Environment.ProcessId}"));
        surroundings.Guard(Path.Join(disk.Path, "theirs"));
    }
    // The others are added on the way.
    await Task.WhenAll(nodes.Take((count + 1) / 2).Select(node => node.StartAsync()));
    log.Say("they run");
    await new SoakRun(nodes, origin, log, datasets, seed).RunAsync(TimeSpan.FromMinutes(minutes), stop.Token);
    log.Count("bytes from the origin", origin.Proxy.Served.Total);
    await SoakEnd.HealAsync(nodes, origin, log);
    await SoakEnd.LookAsync(nodes, log);
    try
    {
        surroundings.AssertUntouched(surroundings);
    }
    catch (InvalidOperationException e)
    {
        log.Violate(e.Message);
    }
    // I6: it all happened.
    foreach (var what in (string[])["nodes killed", "nodes stopped", "nodes added", "bits flipped", "origin faults set", "hits", "misses", "evictions asked for", "pins held to their end", "gets of what a neighbour held"])
    {
        if (minutes >= 3 && log.Of(what) == 0)
            log.Violate($"I6: no {what}");
    }
}
catch (OperationCanceledException)
{
    log.Say("broken off");
}
finally
{
    foreach (var node in nodes)
        await node.DisposeAsync();
}
log.Summarize(how);
return log.Violations.Count > 0 ? 1 : 0;
