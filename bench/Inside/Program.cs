// warm [CALLS]        p50 and p99 of warm acquires, raw latencies of CALLS calls (default 2,000) each
// pressure [MISSES]    hits, misses and decisions in a full cache of 10 and of 10,000 entries (default 500 misses)
// node [CALLS]        warm acquires through a node's local HTTP API, and how soon waiters of a miss are answered
// files [ROUNDS]      files over HTTP by wrk, beside nginx with the same files (default 5 rounds)
// serve ROOT FOLDER [MEMORY]   the node that these measure, with so many bytes of memory for small files
// metrics [SCRAPES]   what a scrape of /metrics costs with 10 and with 10,000 entries (default 1,000 scrapes)
// restart             a process that starts on 10,000 entries of 1,000 files
// scrub [ROUNDS]      a scrub without a cap against the disk and the checksums
// trace               500 jobs on 8 hosts by adaptive TTL + LRU, plain LRU and in hindsight, with placement hints and without
// micro [BDN ARGS…]   BenchmarkDotNet: everything, or what BDN's own arguments choose (--filter '*Crc*')
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using DatasetCache.Bench.Eviction;
using DatasetCache.Bench.Files;
using DatasetCache.Bench.Metrics;
using DatasetCache.Bench.Nodes;
using DatasetCache.Bench.Scrub;
using DatasetCache.Bench.Trace;
using DatasetCache.Bench.Warm;

switch (args)
{
    case ["warm", .. var rest]:
        return await WarmLatencies.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 2000) ? 0 : 1;
    case ["pressure", .. var rest]:
        return await EvictionPressure.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 500) ? 0 : 1;
    case ["node", .. var rest]:
        return await NodeLatencies.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 2000) ? 0 : 1;
    case ["serve", var root, var folder]:
        await NodeLatencies.ServeAsync(root, folder);
        return 0;
    case ["metrics", .. var rest]:
        return await ScrapeCost.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 1000) ? 0 : 1;
    case ["serve", var root, var folder, var memory]:
        await NodeLatencies.ServeAsync(root, folder, long.Parse(memory, System.Globalization.CultureInfo.InvariantCulture));
        return 0;
    case ["files", .. var rest]:
        return await FileRates.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 5) ? 0 : 1;
    case ["restart"]:
        return await Restart.RunAsync() ? 0 : 1;
    case ["scrub", .. var rest]:
        return await ScrubSpeed.RunAsync(rest.Length > 0 ? int.Parse(rest[0], System.Globalization.CultureInfo.InvariantCulture) : 5) ? 0 : 1;
    case ["trace"]:
        return TraceRace.Run() ? 0 : 1;
    case ["micro", .. var rest]:
        // Within this process: BenchmarkDotNet would otherwise restore and build a project of its own, which a partial feed may not allow.
        var config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromAssembly(typeof(WarmLatencies).Assembly).Run(rest.Length > 0 ? rest : ["--filter", "*"], config);
        return 0;
    default:
        Console.Error.WriteLine("bench: warm [CALLS] | pressure [MISSES] | node [CALLS] | files [ROUNDS] | metrics [SCRAPES] | restart | scrub [ROUNDS] | trace | micro [BenchmarkDotNet's arguments]");
        return 2;
}
