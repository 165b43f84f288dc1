// origin ADDRESS PORT          the counting origin; ends with its input
// [WHAT…] [--nodes 2,8,16] [--size MIB] [--file-size MIB] [--rate 50mbit] [--origin-rate 25mbit] [--rounds N] [--runs N] [--rivals-up-to N]
//   fanout  all nodes at once, every link as fast as the others     narrow  the same, the origin's link the narrow one
//   origin  each range once, in many small runs, and where the coordinator's host is killed
//   late    a node that comes when all others have it               warm    what they have, through the node
//   kill    any node killed in the middle of it
using System.Globalization;
using DatasetCache.Bench.Cluster;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Bench.Cluster.Runs;

if (args is ["origin", var address, var port])
{
    await CountingOrigin.RunAsync(address, int.Parse(port, CultureInfo.InvariantCulture));
    return 0;
}
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
await using var ground = await Ground.StartAsync(options.Nodes.Max());
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
    }
}
Console.WriteLine($"Resident at the end: {ground.Resident()}");
return verdict.Kept ? 0 : 1;
