// origin ADDRESS PORT MS RATE  the counting origin, MS to its first byte and RATE bytes a second a connection (0: no limit); ends with its input
// asks ROOT GATEWAY CALLS      warm acquires of the node of this network namespace
// [WHAT…] [--nodes 2,8,16] [--size MIB] [--file-size MIB] [--rate 50mbit] [--origin-rate 25mbit] [--rounds N] [--runs N] [--kills N] [--first-byte MS] [--per-connection MB/S]
//   fanout  all nodes at once, every link as fast as the others     narrow  the same, the origin's link the narrow one
//   origin  each range once, in many small runs, and where the coordinator's host is killed
//   late    a node that comes when all others have it               warm    what they have, through the node
//   kill    any node killed in the middle of it                 rest    what the nodes take without work
// race [fanout] [growth] [--nodes 1,2,4,8,16] [--size MIB] [--file-size MIB] [--rate 50mbit] [--rounds N] [--files 100,1000,…] [--hosts N] [--pictures FOLDER] [--against rclone,nginx,bittorrent] [--first-byte MS] [--per-connection MB/S]
//   fanout  ours and every rival, by the number of hosts     growth  the same drawn, and by the number of small files
using System.Globalization;
using DatasetCache.Bench.Cluster;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Bench.Cluster.Plots;
using DatasetCache.Bench.Cluster.Runs;

if (args is ["origin", var address, var port, var firstByte, var bytesASecond])
{
    await CountingOrigin.RunAsync(address, int.Parse(port, CultureInfo.InvariantCulture), Pace.Parse(firstByte, bytesASecond));
    return 0;
}
if (args is ["asks", var root, var gateway, var calls])
    return await WarmAsks.RunAsync(root, gateway, int.Parse(calls, CultureInfo.InvariantCulture)) ? 0 : 1;
Options options;
try
{
    options = Options.Parse(args);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync("bench/run cluster: " + e.Message);
    return 2;
}
var verdict = new Verdict();
await using var ground = await Ground.StartAsync(Math.Max(2, options.Nodes.Max()), options.Pace);
using var rivalry = new Rivalry(ground, options, verdict);
IReadOnlyList<Result>? byHosts = null;
// Daemons run for weeks: what their first download pays for being compiled is measured apart, and once.
using (var jobs = await Jobs.OnAsync(ground, Enumerable.Range(1, ground.Nodes)))
{
    var first = (await jobs.GetAsync(ground.Dataset(16 << 20, 4))).Max(job => job.Seconds);
    var second = (await jobs.GetAsync(ground.Dataset(16 << 20, 4))).Max(job => job.Seconds);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"their first download, 16 MiB without limits: slowest {first:0.00} s; the second {second:0.00} s"));
}
await ground.ClearAsync(Enumerable.Range(1, ground.Nodes));
foreach (var what in options.What)
{
    switch (what)
    {
        case "fanout":
            await new FanOut(ground, options, verdict).RunAsync(originRate: null);
            break;
        case "narrow":
            await new FanOut(ground, options, verdict).RunAsync(options.OriginRate);
            break;
        case "origin":
            await new OneRead(ground, options, verdict).RunAsync();
            break;
        case "late":
            await new Late(ground, options, verdict).RunAsync();
            break;
        case "warm":
            await new Warm(ground, verdict).RunAsync();
            break;
        case "rest":
            await new Resting(ground).RunAsync();
            break;
        case "race fanout":
            byHosts ??= await rivalry.HostsAsync();
            break;
        case "race growth":
            byHosts ??= await rivalry.HostsAsync();
            await Growth.WriteAsync(options.Pictures, "growth-hosts", $"{options.Size} MiB to hosts that all ask at once, every link {options.Rate}", "hosts", byHosts);
            await Growth.WriteAsync(options.Pictures, "growth-files", $"Files of 1 KiB to {options.Hosts} hosts that ask at once, every link {options.Rate}", "files", await rivalry.FilesAsync());
            break;
        case "kill":
            await new Kills(ground, options, verdict).RunAsync();
            break;
    }
}
Console.WriteLine($"Resident at the end: {ground.Resident()}");
return verdict.Kept ? 0 : 1;
