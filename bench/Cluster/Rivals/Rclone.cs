using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>Every node copies from the origin, as is usual.</summary>
internal sealed class Rclone(Ground ground) : IRival
{
    private const long Small = 1 << 20;

    public string Name => "rclone copy";

    public async Task<double[]> CopyAsync(MadeDataset dataset, int nodes, Meter meter)
    {
        var commands = new List<ProcessStartInfo>();
        // Tuned for either.
        string[] tuned = dataset.FileSize < Small ? ["--transfers", "32", "--checkers", "32"] : ["--transfers", "8", "--multi-thread-streams", "4"];
        for (var node = 1; node <= nodes; node++)
        {
            // A node's environment holds nothing of AWS's: rclone 1.60 fails where AWS_CA_BUNDLE is set.
            commands.Add(await ground.OnAsync(node, ["env", "RCLONE_CONFIG=/dev/null", "RCLONE_CONFIG_BENCH_TYPE=s3", "RCLONE_CONFIG_BENCH_PROVIDER=Ceph", "RCLONE_CONFIG_BENCH_LIST_VERSION=2",
                $"RCLONE_CONFIG_BENCH_ENDPOINT={Ground.OriginEndpoint}", "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=any", "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=any",
                "rclone", "copy", "--fast-list", $"bench:{Ground.Bucket}/datasets/{dataset.Id}", FolderOf(node), .. tuned]));
        }
        return await Commands.TimeAllAsync(commands, meter);
    }

    public Task ClearAsync(MadeDataset dataset, int nodes)
    {
        for (var node = 1; node <= nodes; node++)
            Commands.Remove(FolderOf(node), dataset);
        return Task.CompletedTask;
    }

    private string FolderOf(int node) => Path.Combine(ground.Folder, $"node{node}", "rclone");
}
