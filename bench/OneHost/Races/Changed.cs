using System.Globalization;
using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Bench.OneHost.Races;

/// <summary>A next version of which 1 % of the files are others; bytes are counted by a proxy in front of the S3 server.</summary>
public static class Changed
{
    private const string Dataset = "changed";

    public static async Task<bool> RunAsync(Ground ground)
    {
        var rivals = new Rivals(ground);
        await using var proxy = await FaultProxy.StartAsync(ground.S3.Endpoint);
        var total = (long)S3Data.SmallFiles * S3Data.SmallSize;
        var (root, job, byRclone) = (ground.Fresh("changed-cache"), Path.Combine(ground.Folder, "changed-job"), ground.Fresh("changed-rclone"));
        await Measured.RunAsync(rivals.Dscache("snap_1", Dataset, root, job, proxy.Endpoint));
        await Measured.RunAsync(rivals.RcloneSmall(Dataset, byRclone, proxy.Endpoint));

        Console.WriteLine();
        Console.WriteLine($"A version with 1 % of its files changed ({S3Data.SmallFiles} x 100 KiB), through a counting proxy");
        Console.WriteLine($"  {"",-46} {"bytes",12} {"of all",8} {"requests",9} {"wall s",7}");
        var shares = new List<double>();
        for (var version = 1; version <= ground.Rounds; version++)
        {
            await S3Data.ChangeAsync(ground, version);
            var snapshot = string.Create(CultureInfo.InvariantCulture, $"snap_{version + 1}");
            var ours = await CountAsync("dscache get", rivals.Dscache(snapshot, Dataset, root, job, proxy.Endpoint).With("DSCACHE_JSON", "true"));
            await CountAsync("rclone copy over the old version, which is lost", rivals.RcloneSmall(Dataset, byRclone, proxy.Endpoint));
            using var report = JsonDocument.Parse(ours.Output);
            var said = report.RootElement.GetProperty("bytesFromOrigin").GetInt64();
            if (said != ours.Bytes)
                throw new InvalidOperationException($"dscache says that it read {said} bytes; the proxy counted {ours.Bytes}.");
            shares.Add(100.0 * ours.Bytes / total);
        }
        var verdict = new Verdict();
        verdict.Expect("bytes from the origin", shares.Max(), 1.05, " %");
        return verdict.Kept;

        async Task<(long Bytes, string Output)> CountAsync(string name, Command command)
        {
            proxy.Served.Reset();
            var before = proxy.Requests.Count;
            var run = await Measured.RunAsync(command);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {name,-46} {proxy.Served.Total,12} {100.0 * proxy.Served.Total / total,6:0.00} % {proxy.Requests.Count - before,9} {run.Wall,7:0.000}"));
            return (proxy.Served.Total, run.Output);
        }
    }
}
